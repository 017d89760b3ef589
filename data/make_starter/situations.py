"""Clauses that make sense together, for sentences with because, so, although, if and the like.

Each clause is `English | Chinese` with the subject `{s}`; in the second clause the subject is a pronoun. Past tense.
Groups: causes, then what follows from them, then what happens against expectation.
"""

SITUATIONS = [
    (
        """
        {s} was/s:1? tired:2 | {s} 很:1? 累:2
        {s} was/s:1? sleepy:2 | {s} 很:1? 困:2
        {s} worked:2 all:3 day:4 | {s} 工作:2 了:2? 一:3 整:3 天:4
        {s} did not:1 sleep:2 well:3 | {s} 没:1 睡:2 好:3
        """,
        """
        {s} went:1 to:1 bed:1 early:2 | {s} 很:2? 早:2 就 睡觉:1 了:1?
        {s} did not:1 want:2 to cook:3 | {s} 不:1 想:2 做饭:3
        {s} went:1 home:2 early:3 | {s} 早早:3 就 回:1 家:2 了:1?
        {s} drank:1 a:2 cup:3 of coffee:4 | {s} 喝:1 了:1? 一:2 杯:3 咖啡:4
        {s} fell:1 asleep:1 on:2 the sofa:3 | {s} 在:2? 沙发:3 上:2 睡着:1 了:1?
        {s} took:1 a:1? nap:1 | {s} 睡:1 了:1? 午觉:1
        """,
        """
        {s} kept:1 on:1 working:2 | {s} 还是 继续:1 工作:2
        {s} went:1 to class:2 | {s} 还是 去:1 上课:2 了:1?
        {s} helped:1 with:1? the housework:2 | {s} 还是 帮忙:1 做:2? 家务:2 了:1?
        {s} finished:1 the homework:2 | {s} 还是 做:1 完:1 了:1? 作业:2
        """,
    ),
    (
        """
        {s} was/s:1? ill:2 | {s} 生病:2 了:2?
        {s} had:1 a:1? cold:2 | {s} 感冒:2 了:1?
        {s} had:1 a:1? fever:2 | {s} 发烧:2 了:1?
        {s} had:1 a:1? stomachache:2 | {s} 肚子:2 疼:2
        """,
        """
        {s} did not:1 go:2 to:2 work:2 | {s} 没:1 去:2? 上班:2
        {s} went:1 to see:2 a doctor:3 | {s} 去:1 看:2 医生:3 了:1?
        {s} stayed:1 in:2 bed:3 | {s} 躺:1 在:2 床:3 上:2
        {s} took:1 some:2 medicine:3 | {s} 吃:1 了:1? 一些:2 药:3
        {s} did not:1 come:2 to the party:3 | {s} 没:1 来:2 参加:2? 晚会:3
        {s} could not:1 eat:2 anything:3 | {s} 什么:3 都 吃:2 不:1 下:2
        {s} went:1 to the hospital:2 | {s} 去:1 了:1? 医院:2
        """,
        """
        {s} still:1 went:2 to:2 work:2 | {s} 还是:1 去:2? 上班:2 了:2?
        {s} still:1 came:2 to the meeting:3 | {s} 还是:1 来:2 开会:3 了:2?
        {s} still:1 took:2 the exam:3 | {s} 还是:1 参加:2 了:2? 考试:3
        """,
    ),
    (
        """
        it:1? rained:2 hard:3 | 雨:2 下:2 得 很:3? 大:3
        it:1? was raining:2 | 外面:1? 在 下雨:2
        it:1? snowed:2 heavily:3 | 雪:2 下:2 得 很:3? 大:3
        it:1? was very:2 cold:3 | 天气:1? 非常:2 冷:3
        """,
        """
        {s} stayed:1 at:2 home:3 | {s} 待:1 在:2 家:3 里:2?
        {s} took:1 a taxi:2 home:3 | {s} 坐:1 出租车:2 回:3? 家:3 了:1?
        {s} did not:1 go:2 out:2 | {s} 没:1 出门:2
        {s} did not:1 go:2 to the park:3 | {s} 没:1 去:2 公园:3
        {s} put:1 on:1 a:2 thick:3 coat:4 | {s} 穿:1 上:1 了:1? 一:2 件:4? 厚:3 大衣:4
        {s} was/s:1? late:2 for:2? school:3 | {s} 上学:3 迟到:2 了:1?
        """,
        """
        {s} still:1 went:2 out:2 | {s} 还是:1 出门:2 了:2?
        {s} still:1 went:2 running:3 | {s} 还是:1 去:2 跑步:3 了:2?
        {s} still:1 arrived:2 on:3 time:3 | {s} 还是:1 按时:3 到:2 了:2?
        {s} still:1 walked:2 to:2? school:3 | {s} 还是:1 走路:2 去:2? 了 学校:3
        """,
    ),
    (
        """
        {s} got:1 up:1 late:2 | {s} 起床:1 起 晚:2 了:1?
        {s} missed:1 the bus:2 | {s} 错过:1 了:1? 公共汽车:2
        the traffic:1 was very:2 bad:3 | 路:1? 上:1? 堵车:1 非常:2 严重:3
        the car:1 broke:2 down:2 | 车:1 坏:2 了:2?
        """,
        """
        {s} was/s:1? late:2 | {s} 迟到:2 了:1?
        {s} did not:1 have:2 time:3 for breakfast:4 | {s} 没:1 有:2 时间:3 吃 早饭:4
        {s} missed:1 the train:2 | {s} 没:1 赶:1 上:1 火车:2
        {s} took:1 a taxi:2 to the office:3 | {s} 坐:1 出租车:2 去:1? 了 办公室:3
        {s} called:1 the teacher:2 | {s} 给:1? 老师:2 打:1 了:1? 电话:1
        """,
        """
        {s} was/s:1? not:2 late:3 | {s} 没:2 迟到:3
        {s} still:1 caught:2 the train:3 | {s} 还是:1 赶:2 上:2 了:2? 火车:3
        {s} still:1 arrived:2 early:3 | {s} 还是:1 提前:3 到:2 了:2?
        """,
    ),
    (
        """
        {s} studied:1 hard:2 | {s} 学习:1 很:2? 努力:2
        {s} prepared:1 carefully:2 | {s} 准备:1 得 很:2? 认真:2
        {s} practiced:1 every:2 day:3 | {s} 每:2 天:3 都 练习:1
        """,
        """
        {s} passed:1 the exam:2 | {s} 通过:1 了:1? 考试:2
        {s} got:1 good:2 grades:3 | {s} 取得:1 了:1? 好:2 成绩:3
        {s} won:1 the first:2 prize:3 | {s} 得:1 了:1? 第一:2 名:3
        the teacher:1 was very:2 happy:3 | 老师:1 非常:2 高兴:3
        {s} made:1 great:2 progress:3 | {s} 取得:1 了:1? 很:2? 大:2 的 进步:3
        """,
        """
        {s} did not:1 pass:2 the exam:3 | {s} 没:1 通过:2 考试:3
        {s} was/s:1? not:2 satisfied:3 | {s} 不:2 满意:3
        {s} still:1 made:2 some:3 mistakes:4 | {s} 还是:1 犯:2 了:2? 一些:3 错误:4
        """,
    ),
    (
        """
        the coat:1 was:2? too:3 expensive:4 | 那:1? 件:1? 大衣:1 太:3 贵:4 了:3?
        the skirt:1 was:2? too:3 short:4 | 那:1? 条:1? 裙子:1 太:3 短:4 了:3?
        the hat:1 was:2? too:3 big:4 | 那:1? 顶:1? 帽子:1 太:3 大:4 了:3?
        the vase:1 was:2? very:3 ugly:4 | 那:1? 个:1? 花瓶:1 非常:3 难看:4
        """,
        """
        {s} did not:1 buy:2 it:3 | {s} 没:1 买:2
        {s} went:1 to another:2 store:3 | {s} 去:1 了:1? 另:2 一:2 家:3? 商店:3
        {s} did not:1 want:2 to buy:3 it:4 | {s} 不:1 想:2 买:3
        """,
        """
        {s} still:1 bought:2 it:3 | {s} 还是:1 买:2 了:2?
        {s} still:1 wanted:2 to buy:3 it:4 | {s} 还是:1 想:2 买:3
        {s} still:1 liked:2 it:3 | {s} 还是:1 很:2? 喜欢:2
        """,
    ),
    (
        """
        {s} did not:1 have:2 enough:3 money:4 | {s} 没:1 有:2 足够:3 的 钱:4
        {s} forgot:1 to bring:2 money:3 | {s} 忘:1 了:1? 带:2 钱:3
        {s} lost:1 the job:2 | {s} 丢:1 了:1? 工作:2
        """,
        """
        {s} borrowed:1 some:2 money:3 from:4 a friend:5 | {s} 跟:4 朋友:5 借:1 了:1? 一些:2 钱:3
        {s} went:1 home:2 with:3? empty:3 hands:3 | {s} 空手:3 回:1 家:2 了:1?
        {s} did not:1 buy:2 the ticket:3 | {s} 没:1 买:2 票:3
        {s} did not:1 go:2 to the restaurant:3 | {s} 没:1 去:2 饭馆:3
        """,
        """
        {s} was/s:1? still:2 in:3? a good:4 mood:5 | {s} 心情:5 还是:2 很:1? 好:4
        {s} still:1 went:2 to the concert:3 | {s} 还是:1 去:2 听 音乐会:3 了:2?
        {s} was/s:1? not:2 worried:3 | {s} 不:2 担心:3
        """,
    ),
    (
        """
        {s} was/s:1? busy:2 | {s} 很:1? 忙:2
        {s} had:1 a lot:2 of work:3 | {s} 有:1 很多:2 工作:3
        {s} had:1 to work:2 on:3? the weekend:3 | {s} 周末:3 得:1 工作:2
        """,
        """
        {s} could not:1 come:2 to the party:3 | {s} 不:1 能:1 来:2 参加:2? 晚会:3
        {s} did not:1 have:2 time:3 to rest:4 | {s} 没:1 有:2 时间:3 休息:4
        {s} did not:1 watch:2 the game:3 | {s} 没:1 看:2 比赛:3
        {s} ordered:1 a:2 pizza:3 | {s} 点:1 了:1? 一:2 张:3? 比萨饼:3
        {s} did not:1 answer:2 the phone:3 | {s} 没:1 接:2 电话:3
        """,
        """
        {s} still:1 helped:2 the old:3 man:4 | {s} 还是:1 帮助:2 了:2? 老人:3,4
        {s} still:1 came:2 to see:3 the teacher:4 | {s} 还是:1 来:2 看:3 老师:4 了:2?
        {s} was/s:1? never:2 angry:3 | {s} 从来:2 没 生气:3 过
        """,
    ),
    (
        """
        the movie:1 was very:2 moving:3 | 那:1? 部:1? 电影:1 非常:2 感人:3
        the news:1 was:2? bad:3 | 消息:1 很:2? 糟糕:3
        {s} lost:1 the game:2 | {s} 输:1 了:1? 比赛:2
        {s} said:1 goodbye:2 to:2? a friend:3 | {s} 跟:2? 一:3? 个:3? 朋友:3 说:1 了:1? 再见:2
        """,
        """
        {s} cried:1 | {s} 哭:1 了:1?
        {s} was/s:1? very:2 sad:3 | {s} 非常:2 难过:3
        {s} did not:1 want:2 to talk:3 | {s} 不:1 想:2 说话:3
        """,
        """
        {s} did not:1 cry:2 | {s} 没:1 哭:2
        {s} kept:1 smiling:2 | {s} 一直:1 笑:2 着:2?
        {s} was/s:1? still:2 calm:3 | {s} 还是:2 很:1? 平静:3
        """,
    ),
]

# For "if …, …": conditions in the present, and results in the future that suit them.
CONDITIONS = [
    (
        """
        it:1? rains:2 {t} | {t} 下雨:2
        it:1? snows:2 {t} | {t} 下雪:2
        the weather:1 is:2? bad:3 {t} | {t} 天气:1 不:3 好:3
        """,
        """
        {s} ~will:1 stay:2 at:3 home:4 | {s} 就 会:1 待:2 在:3 家:4 里:3?
        {s} ~will:1 not:2 go:3 to the park:4 | {s} 就 不:2 会:1 去:3 公园:4
        {s} ~will:1 take:2 the bus:3 | {s} 就 会:1 坐:2 公共汽车:3
        the game:1 will:2 be canceled:3 | 比赛:1 就 会:2 取消:3
        """,
    ),
    (
        """
        the weather:1 is:2? good:3 {t} | {t} 天气:1 好:3
        {s} have/s:1 time:2 {t} | {s} {t} 有:1 时间:2
        {s} be/s:1? free:2 {t} | {s} {t} 有空:2
        """,
        """
        {s} ~will:1 go:2 to the beach:3 | {s} 就 会:1 去:2 海滩:3
        {s} ~will:1 go:2 hiking:3 | {s} 就 会:1 去:2 爬山:3
        {s} ~will:1 visit:2 friends:3 | {s} 就 会:1 去:2? 看:2 朋友:3
        {s} ~will:1 clean:2 the house:3 | {s} 就 会:1 打扫:2 房子:3
        {s} ~will:1 go:2 shopping:2 | {s} 就 会:1 去:2 逛街:2
        """,
    ),
    (
        """
        {s} be/s:1? tired:2 | {s} 累:2 了:1?
        {s} do/s not:1 feel:2 well:3 | {s} 觉得:2 不:1 舒服:3
        {s} have/s:1 a:1? cold:2 | {s} 感冒:2 了:1?
        """,
        """
        {s} should:1 rest:2 | {s} 就 应该:1 休息:2
        {s} should:1 go:2 to:2 bed:2 early:3 | {s} 就 应该:1 早点:3 睡觉:2
        {s} should:1 drink:2 more:3 water:4 | {s} 就 应该:1 多:3 喝:2 水:4
        {s} should:1 see:2 a doctor:3 | {s} 就 应该:1 看:2 医生:3
        """,
    ),
    (
        """
        {s} have/s:1 enough:2 money:3 | {s} 有:1 足够:2 的 钱:3
        {s} pass/s:1 the exam:2 | {s} 通过:1 考试:2
        {s} win/s:1 the prize:2 | {s} 得:1 奖:2
        """,
        """
        {s} ~will:1 buy:2 a:3 new:4 car:5 | {s} 就 会:1 买:2 一:3 辆:5? 新:4 车:5
        {s} ~will:1 travel:2 around:3 the world:4 | {s} 就 会:1 环游:2,3 世界:4
        {s} ~will:1 be very:2 happy:3 | {s} 就 会:1 非常:2 高兴:3
        {s} ~will:1 throw:2 a party:3 | {s} 就 会:1 开:2 一:3? 个:3? 晚会:3
        {s} ~will:1 study:2 abroad:3 | {s} 就 会:1 出国:3 学习:2
        """,
    ),
    (
        """
        {s} study/s:1 hard:2 | {s} 努力:2 学习:1
        {s} practice/s:1 every:2 day:3 | {s} 每:2 天:3 练习:1
        {s} do/s not:1 give:2 up:2 | {s} 不:1 放弃:2
        """,
        """
        {s} ~will:1 pass:2 the exam:3 | {s} 就 会:1 通过:2 考试:3
        {s} ~will:1 succeed:2 | {s} 就 会:1 成功:2
        {s} ~will:1 make:2 progress:3 | {s} 就 会:1 取得:2 进步:3
        {s} ~will:1 learn:2 it:3? | {s} 就 会:1 学会:2
        """,
    ),
    (
        """
        {s} drive/s:1 too:2 fast:3 | {s} 开车:1 开 得 太:2 快:3
        {s} tell/s:1 lies:1 | {s} 说谎:1
        """,
        """
        {s} ~will:1 regret:2 it:3? | {s} 就 会:1 后悔:2
        {s} ~will:1 be:2? in:2 trouble:3 | {s} 就 会:1 有:2 麻烦:3
        """,
    ),
    (
        """
        {s} eat/s:1 too:2 much:3 | {s} 吃:1 得 太:2 多:3
        {s} do/s not:1 exercise:2 | {s} 不:1 锻炼身体:2
        {s} stay/s:1 up:1 too:2 late:3 | {s} 熬夜:1 熬 得 太:2 晚:3
        """,
        """
        {s} ~will:1 get:2 sick:3 | {s} 就 会:1 生病:2,3
        {s} ~will:1 feel:2 unwell:3 | {s} 就 会:1 觉得:2 不:3 舒服:3
        {s} ~will:1 regret:2 it:3? | {s} 就 会:1 后悔:2
        """,
    ),
]
