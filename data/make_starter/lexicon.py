"""The words: compact tables, one entry per semicolon, read once at import.

A noun is written `english chinese measure`. An irregular plural follows a slash (`knife/knives`).
A measure written `cup~杯` belongs to a mass noun ("a cup of tea"), one written `+双` to a noun that
only has a plural ("a pair of shoes"). The words before the colon are tags, which say what one may
do with the thing.
"""

import re
from dataclasses import dataclass, field
from functools import cache

NOUNS = """
food fruit buy small: apple 苹果 个; pear 梨 个; peach 桃子 个; banana 香蕉 根; orange 橙子 个
food fruit buy small: mango 芒果 个
food fruit buy small: strawberry 草莓 颗; cherry 樱桃 颗; pineapple 菠萝 个; coconut 椰子 个; watermelon 西瓜 个
food veg buy small: tomato/tomatoes 西红柿 个; potato/potatoes 土豆 个; carrot 胡萝卜 根; cucumber 黄瓜 根
food veg buy small: onion 洋葱 个; lemon 柠檬 个
food veg buy small: mushroom 蘑菇 个; eggplant 茄子 个; pepper 辣椒 个; pumpkin 南瓜 个
food cooked savoury buy small: egg 鸡蛋 个; sandwich 三明治 个; hamburger 汉堡 个
food cooked pastry buy small: cookie 饼干 块; cake 蛋糕 个
food cooked savoury buy small: dumpling 饺子 个
food cooked savoury buy small: steamed bun 包子 个; pancake 煎饼 张; sausage 香肠 根; pizza 比萨饼 张; hot dog 热狗 个
food cooked pastry buy small: moon cake 月饼 个
food buy groc massfood: bread 面包 slice~片; beef 牛肉 piece~块; pork 猪肉 piece~块; cheese 奶酪 piece~块
food buy groc massfood: chocolate 巧克力 piece~块
food buy massfood: fruit salad 水果沙拉 bowl~碗
food buy groc massfood: tofu 豆腐 piece~块; ice cream 冰淇淋 cup~杯; chicken 鸡肉 piece~块
food massfood meal: rice 米饭 bowl~碗
food massfood meal cooked savoury: chicken soup 鸡汤 bowl~碗; porridge 粥 bowl~碗; fried rice 炒饭 plate~盘
food massfood meal cooked savoury: tomato soup 西红柿汤 bowl~碗; beef noodle soup 牛肉面 bowl~碗; salad 沙拉 plate~盘
drink hotdrink buy: tea 茶 cup~杯; coffee 咖啡 cup~杯; green tea 绿茶 cup~杯; black tea 红茶 cup~杯
drink hotdrink buy: hot chocolate 热巧克力 cup~杯
drink hotdrink buy: soy milk 豆浆 cup~杯
drink colddrink buy: water 水 glass~杯; milk 牛奶 glass~杯; juice 果汁 glass~杯; beer 啤酒 bottle~瓶
drink colddrink buy: orange juice 橙汁 glass~杯; wine 葡萄酒 bottle~瓶
drink colddrink buy: lemonade 柠檬水 glass~杯; apple juice 苹果汁 glass~杯; yogurt 酸奶 cup~杯
drink colddrink buy: mineral water 矿泉水 bottle~瓶; cola 可乐 bottle~瓶
read pub tale buy small lend: book 书 本; novel 小说 本; magazine 杂志 本; comic book 漫画书 本; storybook 故事书 本
read pub manual buy small lend: dictionary 词典 本; textbook 课本 本; cookbook 食谱 本; history book 历史书 本
read pub manual buy small lend: guidebook 旅游指南 本; newspaper 报纸 份
read write small: letter 信 封; article 文章 篇; story 故事 个; poem 诗 首; report 报告 份; message 短信 条
read write small: email 邮件 封
write small: essay 作文 篇; postcard 明信片 张; note 便条 张; thank-you card 感谢卡 张
show film: movie 电影 部; TV series 电视剧 部; cartoon 动画片 部
show: football match 足球比赛 场
show film: documentary 纪录片 部
show: play 话剧 场; magic show 魔术表演 场; news program 新闻节目 个; basketball game 篮球比赛 场
hear: concert 音乐会 场
hear tune: song 歌 首; piece of music/pieces of music 音乐 段; lecture 讲座 个; radio program 广播节目 个
cloth garment cosy buy wash: coat 大衣 件; sweater 毛衣 件; jacket 夹克 件
cloth garment buy wash: shirt 衬衫 件; T-shirt T恤 件; skirt 裙子 条; dress 连衣裙 条
cloth cosy buy wash: down jacket 羽绒服 件
cloth buy wash: suit 西装 套; raincoat 雨衣 件
cloth garment buy wash: pants 裤子 +条; jeans 牛仔裤 +条
cloth buy wash: shorts 短裤 +条; socks 袜子 +双; sneakers 运动鞋 +双; shoes 鞋 +双
cloth cosy buy wash: boots 靴子 +双; slippers 拖鞋 +双; pajamas 睡衣 +套
cloth buy: leather shoes 皮鞋 +双
acc buy small: hat 帽子 顶; watch 手表 块; scarf/scarves 围巾 条; ring 戒指 枚; necklace 项链 条; mask 口罩 个
acc buy small: tie 领带 条
acc buy small: glasses 眼镜 +副; gloves 手套 +副; earrings 耳环 +副; sunglasses 太阳镜 +副; helmet 头盔 个
vehicle big buy fix: car 汽车 辆; truck 卡车 辆; van 面包车 辆; sports car 跑车 辆
ride buy fix: bicycle 自行车 辆; motorcycle 摩托车 辆; scooter 滑板车 辆
bigv: taxi 出租车 辆; bus 公共汽车 辆; train 火车 列; plane 飞机 架; ship 轮船 艘; boat 小船 条
bigv: ambulance 救护车 辆; fire engine 消防车 辆; helicopter 直升机 架
furn buy big: table 桌子 张; chair 椅子 把; desk 书桌 张; bed 床 张; sofa 沙发 张; bookcase 书柜 个
furn buy big: bookshelf/bookshelves 书架 个
furn buy big: wardrobe 衣柜 个; cupboard 橱柜 个; bench 长椅 张; coffee table 茶几 张; stool 凳子 张
device buy fix: computer 电脑 台; phone 手机 部; camera 照相机 台; television 电视机 台; radio 收音机 台
device buy fix: printer 打印机 台
device buy fix: refrigerator 冰箱 台; washing machine 洗衣机 台; air conditioner 空调 台; laptop 笔记本电脑 台
device buy fix: fan 电风扇 台
device buy fix: microwave oven 微波炉 台; alarm clock 闹钟 个; robot 机器人 个; tablet 平板电脑 台
device buy fix: vacuum cleaner 吸尘器 台
device buy fix: rice cooker 电饭锅 个; hair dryer 吹风机 个; lamp 台灯 盏; flashlight 手电筒 个; calculator 计算器 个
small buy lend office usable: pen 钢笔 支; pencil 铅笔 支; notebook 笔记本 本; ruler 尺子 把; eraser 橡皮 块
small buy lend office usable: pencil case 铅笔盒 个; brush/brushes 毛笔 支; crayon 蜡笔 支; stapler 订书机 个
small buy office: calendar 日历 本; stamp 邮票 张; envelope 信封 个; folder 文件夹 个
small buy house dish break: cup 杯子 个; bowl 碗 个; plate 盘子 个; bottle 瓶子 个; vase 花瓶 个; teapot 茶壶 把
small buy house dish break: glass 玻璃杯 个
small buy house dish: spoon 勺子 把; fork 叉子 把; knife/knives 刀 把; pot 锅 口; lunch box 饭盒 个; basket 篮子 个
small buy house dish: tray 托盘 个
small buy house: chopsticks 筷子 +双; scissors 剪刀 +把; towel 毛巾 条; toothbrush 牙刷 支; comb 梳子 把; mirror 镜子 面
small buy house: umbrella 雨伞 把; candle 蜡烛 支; pillow 枕头 个; blanket 毯子 条; quilt 被子 条; broom 扫帚 把
small buy house: bucket 水桶 个
small buy house: rug 地毯 块; curtain 窗帘 块; clock 钟 个; sheet 床单 条; bar of soap/bars of soap 香皂 块
small carry lose tiny: key 钥匙 把; wallet 钱包 个; ticket 票 张; passport 护照 本
small carry load lose lend: bag 包 个; backpack 书包 个; suitcase 行李箱 个
small carry lose: handbag 手提包 个
small carry lose: diary/diaries 日记本 本
small carry lose tiny: bank card 银行卡 张; student card 学生证 张; photo 照片 张; map 地图 张; business card 名片 张
small carry load: box/boxes 盒子 个; package 包裹 个
small carry: gift 礼物 件
small loose: bunch of flowers/bunches of flowers 花 束; piece of paper/pieces of paper 纸 张
toy buy small: ball 球 个; doll 娃娃 个; kite 风筝 只; toy car 玩具车 辆; balloon 气球 个; puzzle 拼图 幅
toy buy small: teddy bear 玩具熊 个
toy buy small: football 足球 个; basketball 篮球 个; chess set 象棋 副; video game 电子游戏 个; tennis racket 网球拍 支
instr buy: piano 钢琴 架; guitar 吉他 把; violin 小提琴 把; flute 笛子 支; drum 鼓 面; erhu 二胡 把
pet animal: dog 狗 只; cat 猫 只; rabbit 兔子 只; bird 鸟 只; parrot 鹦鹉 只; turtle 乌龟 只
pet animal fish: goldfish/goldfish 金鱼 条
pet animal: puppy 小狗 只; kitten 小猫 只; hamster 仓鼠 只
farm animal: horse 马 匹; cow 奶牛 头; pig 猪 头; sheep/sheep 羊 只; duck 鸭子 只; hen 母鸡 只; goose/geese 鹅 只
farm animal: donkey 驴 头
wild animal: panda 熊猫 只; tiger 老虎 只; lion 狮子 头; elephant 大象 头; monkey 猴子 只; bear 熊 头; wolf/wolves 狼 只
wild animal: fox/foxes 狐狸 只; snake 蛇 条; giraffe 长颈鹿 只; whale 鲸鱼 头; dolphin 海豚 只; penguin 企鹅 只
wild animal: deer/deer 鹿 只
wild animal: kangaroo 袋鼠 只; camel 骆驼 头; crocodile 鳄鱼 条; zebra 斑马 匹; eagle 老鹰 只; owl 猫头鹰 只
wild animal: squirrel 松鼠 只
bug animal: butterfly 蝴蝶 只; bee 蜜蜂 只; ant 蚂蚁 只; mouse/mice 老鼠 只; frog 青蛙 只; spider 蜘蛛 只
bug animal: mosquito/mosquitoes 蚊子 只
plant tree: tree 树 棵; apple tree 苹果树 棵; pine tree 松树 棵; willow 柳树 棵; cherry tree 樱桃树 棵
plant tree: peach tree 桃树 棵
plant: flower 花 朵; rose 玫瑰 朵; sunflower 向日葵 朵; lotus flower 荷花 朵; tulip 郁金香 朵
abstract topic: problem 问题 个; idea 主意 个; plan 计划 个; answer 答案 个; method 办法 个
abstract topic: decision 决定 个; rule 规定 条
abstract: dream 梦 个; mistake 错误 个; habit 习惯 个; chance 机会 个; secret 秘密 个; wish/wishes 愿望 个
abstract: joke 笑话 个
task: exam 考试 场; lesson 课 节; meeting 会 个; party/parties 晚会 个; game 比赛 场; interview 面试 个
sub: math 数学; history 历史; geography 地理; physics 物理; chemistry 化学; biology 生物; music 音乐; art 美术; law 法律
sub: medicine 医学; economics 经济学; computer science 计算机; literature 文学; philosophy 哲学; psychology 心理学
sub: education 教育
lang: Chinese 中文; English 英语; French 法语; Japanese 日语; German 德语; Russian 俄语; Spanish 西班牙语; Korean 韩语
lang: Italian 意大利语; Arabic 阿拉伯语; Portuguese 葡萄牙语; Thai 泰语
sport: basketball 篮球; football 足球; tennis 网球; table tennis 乒乓球; volleyball 排球; badminton 羽毛球
sport: golf 高尔夫球; baseball 棒球
season: spring 春天; summer 夏天; autumn 秋天; winter 冬天
mat: wood 木头; glass 玻璃; paper 纸; gold 金子; silver 银子; stone 石头; iron 铁; plastic 塑料; cotton 棉花
mat: wool 羊毛; leather 皮革; silk 丝绸
color: red 红色; blue 蓝色; green 绿色; yellow 黄色; white 白色; black 黑色; brown 棕色; pink 粉红色; gray 灰色
color: purple 紫色
role job: teacher 老师 个; doctor 医生 个; nurse 护士 个; lawyer 律师 个; driver 司机 个; cook 厨师 个
role job: farmer 农民 个; worker 工人 个
role job: police officer 警察 个; engineer 工程师 个; scientist 科学家 个; singer 歌手 个; actor 演员 个
role job: writer 作家 个; painter 画家 个
role job: reporter 记者 个; soldier 军人 个; waiter 服务员 个; manager 经理 个; secretary/secretaries 秘书 个
role job: accountant 会计 个
role job: dentist 牙医 个; pilot 飞行员 个; barber 理发师 个; tour guide 导游 个; translator 翻译 个
role job: shop assistant 售货员 个
role job: firefighter 消防员 个; programmer 程序员 个; professor 教授 个; musician 音乐家 个
role job: photographer 摄影师 个; coach 教练 个
role job: librarian 图书管理员 个; postman/postmen 邮递员 个; cleaner 清洁工 个; designer 设计师 个; judge 法官 个
role job: director 导演 个
role: student 学生 个; headmaster 校长 个; boss 老板 个
visitor: guest 客人 个; customer 顾客 个; tourist 游客 个; passenger 乘客 个
pers: man/men 男人 个; woman/women 女人 个; boy 男孩 个; girl 女孩 个; child/children 孩子 个
pers: young man/young men 年轻人 个
pers: old man/old men 老人 个
pers infant: baby/babies 婴儿 个
rel: friend 朋友 个; neighbor 邻居 个; classmate 同学 个; colleague 同事 个; roommate 室友 个; teammate 队友 个
kin: mother 妈妈 个; father 爸爸 个; grandfather 爷爷 个; grandmother 奶奶 个; older brother 哥哥 个
kin: younger brother 弟弟 个
kin: older sister 姐姐 个; younger sister 妹妹 个; uncle 叔叔 个; aunt 阿姨 个; cousin 表哥 个; husband 丈夫 个
kin: wife/wives 妻子 个
kin: son 儿子 个; daughter 女儿 个; grandson 孙子 个; granddaughter 孙女 个; parents 父母 +个
body: head 头; eyes 眼睛; hair 头发; hands 手; stomach 肚子; tooth 牙; leg 腿; back 背; throat 嗓子; foot 脚
body: arm 胳膊; ear 耳朵; knee 膝盖
staple: noodles 面条 bowl~碗; fish 鱼 plate~盘; mutton 羊肉 plate~盘; meat 肉 piece~块; candy 糖 piece~块
staple: vegetables 蔬菜 plate~盘; fruit 水果 plate~盘; Chinese food 中国菜 plate~盘; steak 牛排 piece~块
ill: cold 感冒; fever 发烧; cough 咳嗽; headache 头疼; toothache 牙疼; stomachache 肚子疼
"""

# Places: `english chinese preposition`; "to the park" 去公园, "in the park" 在公园.
PLACES = """
out visit: park 公园 in; zoo 动物园 at; library 图书馆 in; museum 博物馆 in; supermarket 超市 at
out visit: restaurant 饭馆 in; cinema 电影院 in
out visit: bookstore 书店 in; gym 健身房 in; swimming pool 游泳池 at; café 咖啡馆 in; market 市场 at
out visit: shopping center 购物中心 in
out: hospital 医院 in; bank 银行 at; post office 邮局 at
out: train station 火车站 at; bus stop 公共汽车站 at; subway station 地铁站 at; hotel 酒店 in
out: factory 工厂 in; office 办公室 in; company 公司 at; university 大学 at; bakery 面包店 at; pharmacy 药店 at
out: theater 剧院 in
out: police station 警察局 at; barber shop 理发店 at; stadium 体育场 at; embassy 大使馆 at
area: farm 农场 on; castle 城堡 in; port 港口 at; beach 海滩 at; airport 机场 at
out: square 广场 in; flower shop 花店 in; teahouse 茶馆 in; shoe store 鞋店 in; bar 酒吧 in
out: parking lot 停车场 in; gas station 加油站 at; art gallery 美术馆 in; temple 寺庙 in; church 教堂 in
out visit: night market 夜市 at; botanical garden 植物园 in; snack bar 小吃店 in; concert hall 音乐厅 in
out: laundry 洗衣店 at; playground 操场 on
room: classroom 教室 in; kitchen 厨房 in; living room 客厅 in; bedroom 卧室 in; garden 花园 in; yard 院子 in
room: bathroom 浴室 in
room: meeting room 会议室 in; study 书房 in; lab 实验室 in; dormitory 宿舍 in; dining hall 食堂 in; garage 车库 in
"""

# Where things stand, inside or on top: `english chinese` plus the localizer.
SPOTS = """
on: table 桌子 上; desk 书桌 上; chair 椅子 上; sofa 沙发 上; bed 床 上; floor 地 上; shelf 架子 上
on: windowsill 窗台 上; wall 墙 上
in: box 盒子 里; bag 包 里; drawer 抽屉 里; refrigerator 冰箱 里; basket 篮子 里; wardrobe 衣柜 里
in: backpack 书包 里; suitcase 行李箱 里
in: car 汽车 里; kitchen 厨房 里; bedroom 卧室 里; living room 客厅 里; cupboard 橱柜 里; office 办公室 里
in: classroom 教室 里
under: table 桌子 下面; bed 床 下面; chair 椅子 下面; tree 树 下面; sofa 沙发 下面; bridge 桥 下面; desk 书桌 下面
behind: door 门 后面; sofa 沙发 后面; house 房子 后面; tree 树 后面; curtain 窗帘 后面; school 学校 后面; car 汽车 后面
in front of: house 房子 前面; school 学校 前面; hotel 酒店 前面; church 教堂 前面; library 图书馆 前面; bank 银行 前面
next to: bed 床 旁边; window 窗户 旁边; door 门 旁边; river 河 旁边; computer 电脑 旁边; hospital 医院 旁边
next to: lamp 台灯 旁边; station 车站 旁边
"""

# Countries and cities: `english chinese`; people and languages are elsewhere.
COUNTRIES = """China 中国; America 美国; England 英国; France 法国; Germany 德国; Japan 日本; Canada 加拿大
Australia 澳大利亚
Russia 俄罗斯; Italy 意大利; Spain 西班牙; India 印度; Brazil 巴西; Korea 韩国; Egypt 埃及; Mexico 墨西哥; Thailand 泰国
Singapore 新加坡; Switzerland 瑞士; Greece 希腊; Vietnam 越南; Turkey 土耳其; New_Zealand 新西兰; Kenya 肯尼亚
Sweden 瑞典"""
CITIES = """Beijing 北京; Shanghai 上海; Guangzhou 广州; Xi'an 西安; Nanjing 南京; Hangzhou 杭州; London 伦敦
Paris 巴黎; New_York 纽约
Tokyo 东京; Berlin 柏林; Rome 罗马; Sydney 悉尼; Moscow 莫斯科; Hong_Kong 香港; Chengdu 成都; Boston 波士顿
Toronto 多伦多
Madrid 马德里; Suzhou 苏州; Harbin 哈尔滨; Kunming 昆明; Qingdao 青岛; Wuhan 武汉"""
NAMES_F = """Mary 玛丽; Anna 安娜; Lucy 露西; Emma 艾玛; Alice 爱丽丝; Lily 莉莉; Linda 琳达; Jane 简; Helen 海伦
Susan 苏珊; Kate 凯特
Sarah 萨拉; Li_Na 李娜; Wang_Fang 王芳; Liu_Yan 刘燕; Chen_Jing 陈静; Zhang_Li 张丽; Xiaohong 小红; Meimei 梅梅
Zhou_Min 周敏"""
NAMES_M = """Tom 汤姆; Jack 杰克; Peter 彼得; David 大卫; Mike 迈克; John 约翰; Paul 保罗; Henry 亨利; Bob 鲍勃
George 乔治; Ben 本
James 詹姆斯; Li_Ming 李明; Wang_Wei 王伟; Zhang_Qiang 张强; Liu_Yang 刘洋; Chen_Gang 陈刚; Xiaoming 小明
Sun_Lei 孙磊; Wu_Jie 吴杰"""
SURNAMES = """Wang 王; Li 李; Zhang 张; Liu 刘; Chen 陈; Yang 杨; Zhao 赵; Huang 黄; Zhou 周; Wu 吴; Smith 史密斯
Brown 布朗; Green 格林; White 怀特"""

# Things people do. Words are linked first to first and rest to rest unless labels say otherwise.
# Tags: skill (can = 会), daily (a habit), free (leisure), home, duty, trip, rest, exercise, long
# (can go on for hours).
ACTS = """
skill free long exercise daily: swim = 游泳; dance = 跳舞
skill free long exercise: ski = 滑雪; skate = 滑冰
skill free long: sing = 唱歌; draw = 画画
skill home long daily: cook = 做饭
skill: drive = 开车; ride a bicycle = 骑 自行车; ride a horse = 骑 马; play chess = 下 棋; use chopsticks = 用 筷子
skill: make dumplings = 包 饺子; use a computer = 用 电脑; tell stories = 讲 故事; play cards = 打 牌
skill: climb trees = 爬 树; write poems = 写 诗
free long daily: watch TV = 看 电视; listen:1 to:1 music:2 = 听:1 音乐:2; read:1 = 看书:1
free long daily: surf:1 the:1? Internet:1 = 上网:1; chat:1 = 聊天:1
free long: play:1 games:2 = 玩:1 游戏:2; watch movies = 看 电影; go:1 shopping:1 = 逛街:1; fish = 钓鱼
free long: take:1 photos:2 = 拍:1 照片:2; fly a kite = 放 风筝
free long: play the piano = 弹 钢琴; play the guitar = 弹 吉他; look:1 at:1 the paintings:2 = 看:1 画:2
exercise long daily: run = 跑步; play:1 basketball:2 = 打:1 篮球:2; play:1 football:2 = 踢:1 足球:2
exercise long daily: play:1 tennis:2 = 打:1 网球:2; exercise = 锻炼身体
exercise long daily: play:1 table:2 tennis:2 = 打:1 乒乓球:2; take:1 a:1? walk:1 = 散步:1
exercise long daily: do:1 yoga:2 = 做:1 瑜伽:2; practice:1 tai:2 chi:2 = 打:1 太极拳:2
home long: wash:1 clothes:2 = 洗:1 衣服:2; wash:1 the dishes:2 = 洗:1 碗:2; clean:1 the room:2 = 打扫:1 房间:2
home long: water:1 the flowers:2 = 浇:1 花:2
home: take:1 out:1 the garbage:2 = 倒:1 垃圾:2; feed:1 the cat:2 = 喂:1 猫:2; walk:1 the dog:2 = 遛:1 狗:2
home: make:1 breakfast:2 = 做:1 早饭:2; make:1 dinner:2 = 做:1 晚饭:2
home: set:1 the table:2 = 摆:1 桌子:2; mop:1 the floor:2 = 拖:1 地:2; iron:1 the clothes:2 = 熨:1 衣服:2
home: take:1 care:1 of:1 the baby:2 = 照顾:1 婴儿:2
daily am: get:1 up:1 = 起床:1; have:1 breakfast:2 = 吃:1 早饭:2; go:1 to:1 school:1 = 上学:1
daily am: go:1 to:1 work:1 = 上班:1
daily noon: have:1 lunch:2 = 吃:1 午饭:2
daily pm: have:1 dinner:2 = 吃:1 晚饭:2; go:1 home:2 = 回:1 家:2; go:1 to:1 bed:1 = 睡觉:1
daily pm: take:1 a:1? shower:1 = 洗澡:1
work long: study = 学习; work = 工作
fit: run = 跑步; exercise = 锻炼身体; take:1 a:1? walk:1 = 散步:1; do:1 yoga:2 = 做:1 瑜伽:2
fit: practice:1 tai:2 chi:2 = 打:1 太极拳:2; play:1 basketball:2 = 打:1 篮球:2
office: work = 工作; drink:1 coffee:2 = 喝:1 咖啡:2; answer:1 emails:2 = 回:1 邮件:2; have:1 a meeting:1 = 开会:1
office: write:1 reports:2 = 写:1 报告:2; read:1 newspapers:2 = 看:1 报纸:2
study: study = 学习; attend:1 class:1 = 上课:1; review:1 the lesson:2 = 复习:1 功课:2
study: practice:1 speaking:2 = 练习:1 口语:2; talk:1 with:2 classmates:3 = 跟:2 同学:3 聊天:1
duty long: do:1 homework:2 = 做:1 作业:2; study:1 Chinese:2 = 学:1 中文:2; study:1 English:2 = 学:1 英语:2
duty long: prepare:1 for:1 the exam:2 = 准备:1 考试:2
meet: have:1 a meeting:1 = 开会:1; attend:1 class:1 = 上课:1
duty: write:1 a report:2 = 写:1 报告:2; buy:1 groceries:2 = 买:1 菜:2
duty: review:1 the lesson:2 = 复习:1 功课:2
duty: answer:1 emails:2 = 回:1 邮件:2; practice:1 speaking:2 = 练习:1 口语:2
health: see:1 a doctor:2 = 看:1 医生:2; take:1 medicine:2 = 吃:1 药:2
duty: pay:1 the bill:2 = 付:1 账单:2
rest: rest = 休息; take:1 a:1? nap:1 = 睡午觉:1; drink:1 tea:2 = 喝:1 茶:2
trip: travel:1 = 去:1? 旅行:1; go:1 hiking:1 = 去:1 爬山:1; go:1 camping:1 = 去:1 露营:1
trip: visit:1 friends:2 = 看望:1 朋友:2
trip: visit:1 the museum:2 = 参观:1 博物馆:2; climb:1 the mountain:2 = 爬:1 山:2
trip: go:1 on:1 holiday:1 = 去:1 度假:1
basic: open:1 the door:2 = 开:1 门:2; close:1 the door:2 = 关:1 门:2; open:1 the window:2 = 开:1 窗户:2
basic: close:1 the window:2 = 关:1 窗户:2; turn:1 on:1 the light:2 = 开:1 灯:2; turn:1 off:1 the light:2 = 关:1 灯:2
basic: eat:1 noodles:2 = 吃:1 面条:2; eat:1 fish:2 = 吃:1 鱼:2; eat:1 rice:2 = 吃:1 米饭:2; eat:1 fruit:2 = 吃:1 水果:2
basic: drink:1 water:2 = 喝:1 水:2; drink:1 milk:2 = 喝:1 牛奶:2; drink:1 coffee:2 = 喝:1 咖啡:2
basic: drink:1 tea:2 = 喝:1 茶:2; eat:1 something:2 = 吃:1 东西:2; buy:1 something:2 = 买:1 东西:2
basic: take:1 the bus:2 = 坐:1 公共汽车:2; take:1 a taxi:2 = 坐:1 出租车:2; wait:1 for:1 the bus:2 = 等:1 公共汽车:2
basic: read:1 the newspaper:2 = 看:1 报纸:2; read:1 a book:2 = 看:1 书:2; watch:1 a movie:2 = 看:1 电影:2
basic: look:1 at:1 the stars:2 = 看:1 星星:2; look:1 at:1 the sea:2 = 看:1 大海:2; ask:1 questions:2 = 问:1 问题:2
basic: write:1 Chinese:2 characters:2 = 写:1 汉字:2; learn:1 Chinese:2 = 学:1 中文:2; speak:1 Chinese:2 = 说:1 中文:2
basic: speak:1 English:2 = 说:1 英语:2; learn:1 English:2 = 学:1 英语:2; tell:1 jokes:2 = 讲:1 笑话:2
basic: go:1 home:2 = 回:1 家:2; go:1 to:1? school:2 = 去:1 学校:2; go:1 to:1? China:2 = 去:1 中国:2
basic: go:1 to:1? Beijing:2 = 去:1 北京:2; go:1 to:1? the park:2 = 去:1 公园:2; go:1 to:1? the hospital:2 = 去:1 医院:2
basic: go:1 to:1? the shop:2 = 去:1 商店:2; sleep:1 = 睡觉:1; work:1 = 工作:1; rest:1 = 休息:1; sing:1 = 唱歌:1
basic: dance:1 = 跳舞:1; swim:1 = 游泳:1; run:1 = 跑步:1; cook:1 = 做饭:1; study:1 = 学习:1; travel:1 = 旅行:1
basic: play:1 football:2 = 踢:1 足球:2; play:1 basketball:2 = 打:1 篮球:2; play:1 the piano:2 = 弹:1 钢琴:2
basic: watch:1 TV:2 = 看:1 电视:2; listen:1 to:1 music:2 = 听:1 音乐:2; take:1 medicine:2 = 吃:1 药:2
basic: turn:1 left:2 = 往:1? 左:2 转:1; turn:1 right:2 = 往:1? 右:2 转:1
basic: help:1 people:2 = 帮助:1 别人:2; make:1 friends:2 = 交:1 朋友:2; see:1 a doctor:2 = 看:1 医生:2
"""

# Verbs with an object of a kind: `english chinese | tags of the object | how the object may look`.
# Looks: a = "a book", n = "two books", p = bare plural or mass, d = this/that, m = mine, yours, Tom's.
FRAMES = """
eat 吃 | fruit cooked | a n p d
eat 吃 | meal massfood | a p d
eat 吃 | veg | p
drink 喝 | drink | a n p d
buy 买 | fruit veg colddrink groc | n p
buy 买 | cloth acc pub toy dish office | a n d
buy 买 | furn device vehicle ride instr | a d
read 看 | read | a n p d
write 写 | write | a
watch 看 | show | a d
wear 穿 | cloth | d m
wear 戴 | acc | d m
borrow 借 | lend | a d
drive 开 | vehicle | d m
ride 骑 | ride | d m
wash 洗 | wash vehicle | d m
fix 修 | fix | d m
draw 画 | animal plant | a n
paint 画 | plant | a n
look_for 找 | lose | m
use 用 | device usable | d m
sell 卖 | vehicle ride instr furn device | m
order 点 | meal cooked drink | a n
keep 养 | pet farm | a p
see 看见 | animal bigv | a n
plant 种 | plant | a n p
feed 喂 | pet farm | d m
carry 拿 | load | d m
bring 带 | pub carry toy lend | a m
choose 选 | cloth acc toy | a d
listen_to 听 | hear | a d p
discuss 讨论 | topic | d
"""

# Adjectives: `english [comparative superlative] chinese attributive`; a `-` attributive is the adjective with 的.
# A comparative `+` follows the -er rule; none means more and most. The tags say what it may describe.
ADJECTIVES = """
feel: happy + 高兴 -; sad + 难过 -; tired 累 很累的; angry + 生气 -; worried 担心 -; excited 激动 -
feel: nervous 紧张 -; bored 无聊 -
feel: surprised 惊讶 -; satisfied 满意 -; hungry + 饿 很饿的; thirsty + 渴 很渴的; lonely + 孤单 -
feel: disappointed 失望 -; busy + 忙 很忙的
feel: comfortable 舒服 -; sleepy + 困 很困的; calm + 平静 -; relaxed 放松 -
trait: tall + 高 很高的; young + 年轻 -; kind + 善良 -; clever + 聪明 -; friendly + 友好 -; honest 诚实 -
trait: brave + 勇敢 -; polite 有礼貌 -
trait: strong + 强壮 -; thin + 瘦 很瘦的; fat + 胖 很胖的; shy 害羞 -; patient 耐心 -; careful 细心 -
trait: hard-working 勤奋 -; lazy + 懒 很懒的
trait: humorous 幽默 -; generous 大方 -; healthy + 健康 -; quiet + 安静 -; modest 谦虚 -
trait: lively + 活泼 -; serious 严肃 -
trait: warm-hearted 热情 -; smart + 机灵 -; experienced 有经验 -
ftaste: delicious 好吃 -; sweet + 甜 很甜的; sour + 酸 很酸的; fresh + 新鲜 -
vtaste: delicious 好吃 -; fresh + 新鲜 -
ptaste: delicious 好吃 -; sweet + 甜 很甜的; fresh + 新鲜 -
ctaste: delicious 好吃 -; salty + 咸 很咸的; spicy + 辣 很辣的; hot + 烫 很烫的
htaste: hot + 烫 很烫的; cold + 凉 很凉的; bitter 苦 很苦的; sweet + 甜 很甜的; tasty + 好喝 -
ltaste: cold + 凉 很凉的; sweet + 甜 很甜的; tasty + 好喝 -
price: expensive 贵 很贵的; cheap + 便宜 -
nice: beautiful 漂亮 -; clean + 干净 -; special 特别 -; pretty + 好看 -; fashionable 时髦 -
look: beautiful 漂亮 -; ugly + 难看 -; clean + 干净 -; dirty + 脏 很脏的; special 特别 -; pretty + 好看 -
look: fashionable 时髦 -
sketch: beautiful 漂亮 -; ugly + 难看 -; special 特别 -; pretty + 好看 -; big + 大 大
smart: beautiful 漂亮 -; ugly + 难看 -; special 特别 -; pretty + 好看 -; fashionable 时髦 -
size: big + 大 大; small + 小 小; heavy + 重 很重的; light + 轻 很轻的
len: long + 长 很长的; short + 短 很短的; loose + 宽松 -
cosy: warm + 暖和 -; comfortable 舒服 -; soft + 软 很软的
age: new + 新 新; old + 旧 旧
brandnew: new + 新 新
car: beautiful 漂亮 -; dirty + 脏 很脏的; new + 新 新; old + 旧 旧; fast + 快 很快的; big + 大 大; small + 小 小
good: good + 好 好; useful 有用 -; practical 实用 -; special 特别 -
tool: useful 有用 -; practical 实用 -; new + 新 新; old + 旧 旧; good + 好 好
text: interesting 有意思 -; boring 无聊 -; long + 长 很长的; short + 短 很短的; moving 感人 -
text: funny + 好笑 -; exciting 精彩 -
manual: interesting 有意思 -; boring 无聊 -; difficult 难 很难的; easy + 容易 -; useful 有用 -; new + 新 新; old + 旧 旧
manual: simple + 简单 -; cheap + 便宜 -
mail: interesting 有意思 -; long + 长 很长的; short + 短 很短的; funny + 好笑 -; moving 感人 -; important 重要 -
art: interesting 有意思 -; boring 无聊 -; moving 感人 -; funny + 好笑 -; exciting 精彩 -; long + 长 很长的
tame: cute + 可爱 -; clever + 聪明 -; big + 大 大; small + 小 小; fat + 胖 很胖的; quiet + 安静 -; lively + 活泼 -
beast: cute + 可爱 -; clever + 聪明 -; fast + 快 很快的; dangerous 危险 -; big + 大 大; small + 小 小; fat + 胖 很胖的
place: big + 大 大; small + 小 小; quiet + 安静 -; noisy + 吵 很吵的; clean + 干净 -; crowded 拥挤 -; modern 现代化 -
place: far + 远 很远的; near + 近 很近的; safe + 安全 -
sight: beautiful 美 美丽的; famous 有名 -; popular 受欢迎 -; big + 大 大; interesting 有意思 -; special 特别 -
sight: crowded 拥挤 -; modern 现代化 -; quiet + 安静 -
city: big + 大 大; small + 小 小; quiet + 安静 -; noisy + 吵 很吵的; clean + 干净 -; crowded 拥挤 -; modern 现代化 -
city: beautiful 美 美丽的; famous 有名 -; popular 受欢迎 -; old + 古老 -; safe + 安全 -; tidy + 整洁 -
room: big + 大 大; small + 小 小; quiet + 安静 -; noisy + 吵 很吵的; clean + 干净 -; dirty + 脏 很脏的; dark + 暗 很暗的
room: bright + 明亮 -; spacious 宽敞 -; tidy + 整洁 -; comfortable 舒服 -; beautiful 美 美丽的
sky: cold + 冷 很冷的; hot + 热 很热的; warm + 暖和 -; cool + 凉快 -; humid 潮湿 -; dry + 干燥 -; nice + 好 很好的
sky: bad 糟糕 -
think: important 重要 -; difficult 难 很难的; easy + 容易 -; interesting 有意思 -; strange + 奇怪 -
think: dangerous 危险 -; simple + 简单 -; useful 有用 -
think: convenient 方便 -; good + 好 好; bad 糟糕 -; serious 严重 -; clear + 清楚 -
think: reasonable 合理 -; complicated 复杂 -
"""

IRREGULAR_VERBS = """
be was been; have had had; do did done; go went gone; eat ate eaten; drink drank drunk; buy bought bought
read read read; write wrote written
wear wore worn; drive drove driven; ride rode ridden; draw drew drawn; sell sold sold; keep kept kept
see saw seen; feed fed fed; bring brought brought
choose chose chosen; sing sang sung; think thought thought; swim swam swum; run ran run; take took taken
make made made; get got got; set set set
sleep slept slept; sit sat sat; fly flew flown; tell told told; give gave given; lend lent lent; send sent sent
teach taught taught; show showed shown
hear heard heard; find found found; lose lost lost; break broke broken; put put put; leave left left
come came come; know knew known; say said said
meet met met; speak spoke spoken; understand understood understood; forget forgot forgotten; hurt hurt hurt
feel felt felt; pay paid paid; win won won
fall fell fallen; steal stole stolen; bite bit bitten; blow blew blown; catch caught caught; spend spent spent
grow grew grown; begin began begun
become became become; stand stood stood; build built built; cut cut cut; hang hung hung; hold held held
let let let; mean meant meant; rise rose risen
"""
DOUBLING = {
    "swim",
    "run",
    "set",
    "get",
    "put",
    "sit",
    "shop",
    "chat",
    "mop",
    "plan",
    "stop",
    "cut",
    "win",
    "forget",
    "let",
    "begin",
    "jog",
    "hug",
}

NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
DIGITS = "零一二三四五六七八九十"
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

# Times. In Chinese they go before the verb; in English each rule says where.
TIMES = """
ever: last month 上个月; last year 去年; last summer 去年夏天; last winter 去年冬天; a month ago 一个月前
ever: four years ago 四年前; three weeks ago 三个星期前
today: today 今天; yesterday 昨天; this morning 今天早上; last night 昨天晚上
past: yesterday 昨天; last night 昨天晚上; last week 上个星期; this morning 今天早上; yesterday morning 昨天早上
past: yesterday afternoon 昨天下午; the day before yesterday 前天
ago: two days ago 两天前
past: last weekend 上个周末; last Sunday 上个星期天; last Friday 上个星期五
ago: an hour ago 一个小时前; five minutes ago 五分钟前; just now 刚才
ago: half an hour ago 半个小时前
later: next week 下个星期; next month 下个月; next year 明年; next summer 明年夏天; next winter 明年冬天
future: tomorrow 明天; tonight 今天晚上; tomorrow morning 明天早上; this weekend 这个周末
future: the day after tomorrow 后天; tomorrow afternoon 明天下午; tomorrow evening 明天晚上; this afternoon 今天下午
future: next weekend 下个周末; next Monday 下个星期一; next Saturday 下个星期六; this evening 今晚
often: every day 每天; every week 每个星期; every morning 每天早上; every evening 每天晚上; every weekend 每个周末
habit: on Sundays 星期天; on Saturdays 星期六; at noon 中午; in the afternoon 下午; in the evening 晚上
days: tomorrow 明天; this weekend 这个周末; next weekend 下个周末; the day after tomorrow 后天; next week 下个星期
days: next month 下个月; next Saturday 下个星期六; next summer 明年夏天; next winter 明年冬天
season: in summer 夏天; in winter 冬天; in spring 春天; in autumn 秋天
school: after school 放学以后
habit: after work 下班以后; after dinner 晚饭后; on weekends 周末; before breakfast 早饭前
"""
FREQUENCY = "always 总是; usually 通常; often 常常; sometimes 有时候; seldom 很少; never 从来不"


@dataclass
class Noun:
    en: str
    plural: str
    zh: str
    measure: str
    kind: str  # count, mass, pair
    container: str = ""
    tags: set[str] = field(default_factory=set)


@dataclass
class Adjective:
    en: str
    comparative: str
    superlative: str
    zh: str
    attributive: str
    tags: set[str] = field(default_factory=set)


@cache
def entries(table):
    """Read a table: `(tags before the colon, entry)`, in order."""
    found = []
    for line in table.strip().splitlines():
        tags, _, rest = line.partition(": ") if re.match(r"[a-z ]+: ", line) else ("", "", line)
        found += [(tags, entry.strip()) for entry in rest.split(";") if entry.strip()]
    return found


def plural_of(noun):
    head, _, last = noun.rpartition(" ")
    if last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "es" if last.endswith(("s", "x", "z", "ch", "sh")) else "s"
    return f"{head} {last}".strip()


def _read_nouns():
    nouns, uncounted = [], {}
    for tags, entry in entries(NOUNS):
        words = entry.split()
        if tags in ("sub", "lang", "sport", "season", "mat", "color", "body", "ill"):
            uncounted.setdefault(tags, []).append((" ".join(words[:-1]), words[-1]))
            continue
        *en, zh, measure = words
        en, _, plural = " ".join(en).partition("/")
        container = ""
        kind = "count"
        if measure.startswith("+"):
            kind, measure, plural = "pair", measure[1:], en
        elif "~" in measure:
            kind = "mass"
            container, measure = measure.split("~")
        nouns.append(Noun(en, plural or plural_of(en), zh, measure, kind, container, set(tags.split())))
    return nouns, uncounted


def _degree(word, ending):
    if word.endswith("y"):
        return word[:-1] + "i" + ending
    if word.endswith("e"):
        return word + ending[1:]
    if word in {"sad", "thin", "fat", "hot", "big"}:
        return word + word[-1] + ending
    return word + ending


def _read_adjectives():
    irregular = {"good": ("better", "best"), "bad": ("worse", "worst"), "far": ("farther", "farthest")}
    found = {}
    for tag, entry in entries(ADJECTIVES):
        words = entry.split()
        regular = words[1] == "+"
        en, zh, attributive = words[0], words[-2], words[-1]
        if en in irregular:
            degrees = irregular[en]
        elif regular:
            degrees = _degree(en, "er"), _degree(en, "est")
        else:
            degrees = f"more {en}", f"most {en}"
        found.setdefault(tag, []).append(
            Adjective(en, *degrees, zh, zh + "的" if attributive == "-" else attributive, {tag})
        )
    return found


@cache
def pairs(table):
    """Read `English Chinese; …` as a list of pairs; `_` in English stands for a space."""
    return [(en.replace("_", " "), zh) for en, zh in (e.split() for _, e in entries(table))]


@cache
def grouped(table):
    """Read `tag: English words Chinese; …` as a dict from tag to a list of (English, Chinese)."""
    found = {}
    for tag, entry in entries(table):
        *en, zh = entry.split()
        found.setdefault(tag, []).append((" ".join(en), zh))
    return found


NOUN_LIST, UNCOUNTED = _read_nouns()
ADJECTIVE_LISTS = _read_adjectives()
