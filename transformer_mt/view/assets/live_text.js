// What the live page says beyond the attention page; see attention_text.js.

Object.assign(TEXT, {
  title: ["Live translation", "实时翻译"],
  intro: [
    "A translation model runs inside this page, without a network. Type a sentence, and see " +
      "every number of its translation.",
    "本页内有一个完整的翻译模型，无需联网。输入一句话，就能看到翻译过程中的每一个数。",
  ],
  source: ["Sentence", "原文"],
  hint: ["Type a sentence", "输入一句话"],
  empty: [
    "Type a sentence, or choose one of those below.",
    "请输入一句话，或从下面选一句。",
  ],
  tooLong: (n, limit) => [
    `This is too long: ${n} tokens, and the model reads at most ${limit}.`,
    `太长了：共 ${n} 个词元，模型最多读 ${limit} 个。`,
  ],
  unknown: (characters) => [
    `The vocabulary lacks ${characters}. The model reads an unknown token or bytes instead.`,
    `词表里没有 ${characters}，模型读到的是未知词元或字节。`,
  ],
  unknownTarget: (characters) => [
    `The vocabulary cannot write ${characters}.`,
    `词表写不出 ${characters}。`,
  ],
  badPrefix: [
    "The link has a beginning that this model cannot write.",
    "链接中的译文开头，这个模型写不出来。",
  ],
  sentences: ["The sentence that is shown", "当前显示的句子"],
  sentencesText: (n) => [
    `${n} sentences, translated one by one. Choose the one to look at:`,
    `共 ${n} 句，逐句翻译。选一句来看：`,
  ],
  examples: ["Sentences to start from:", "可从这些句子开始："],
  target: ["Translation", "译文"],
  own: ["As the model had it", "模型原来的译文"],
  reference: ["By a person", "人工译文"],
  force: ["Look at this one", "看这一句"],
  score: (score) => [`score ${score}`, `得分 ${score}`],
  scoreHelp: [
    "The log-probability of all tokens, divided by the length penalty: the closer to 0, the " +
      "likelier the model finds this translation.",
    "全部词元的对数概率除以长度惩罚：越接近 0，模型越认可这个译文。",
  ],
  forced: ["A translation of your own, to see what the model thinks of it", "自己写一个译文，看模型怎样评价"],
  forcedHint: ["Type a translation", "输入译文"],
  changes: ["What you changed", "你作的改动"],
  undo: (what) => [`Undo: ${what}`, `撤销：${what}`],
  reset: ["Back to the model's own", "恢复模型原样"],
  changedPrefix: (prefix) => [`begins with ${iso(prefix)}`, `以 ${iso(prefix)} 开头`],
  changedTarget: ["your translation", "你写的译文"],
  changedOff: (kind, choice) => [`off: ${kind.toLowerCase()}, ${choice}`, `关闭：${kind}，${choice}`],
  changedOffMany: (n) => [`${n} heads off`, `已关闭 ${n} 个头`],
  changedTemperature: (kind, choice, x) => [
    `temperature ${x}: ${kind.toLowerCase()}, ${choice}`,
    `温度 ${x}：${kind}，${choice}`,
  ],
  changedTemperatureMany: (n) => [`temperature of ${n} heads`, `已改变 ${n} 个头的温度`],
  changedBeam: (n) => [`beam ${n}`, `束宽 ${n}`],
  changedPenalty: (x) => [`length penalty ${x}`, `长度惩罚 ${x}`],
  copyLink: ["Copy link", "复制链接"],
  copied: ["Copied", "已复制"],
  inAddress: ["The link is in the address bar", "链接就在地址栏里"],
  headControls: ["Change the model here", "在此改动模型"],
  headOn: (n) => (n === 1 ? ["Head on", "启用此头"] : [`${n} heads on`, `启用这 ${n} 个头`]),
  temperature: ["Temperature", "温度"],
  temperatureHelp: [
    "Scores are divided by it before the softmax. Below 1, the head looks at fewer tokens; above " +
      "1, at more. A head that is off adds nothing to the layer's output.",
    "softmax 之前，得分先除以温度。小于 1 时，头看得更集中；大于 1 时，看得更分散。" +
      "关闭的头对这一层的输出没有任何贡献。",
  ],
  temperatureValue: (x) => (x === null ? ["differs", "不一"] : [String(x), String(x)]),
  temperatureText: (x) => [
    `You set this head's temperature to ${x}; the model was trained with 1.`,
    `你把这个头的温度设为 ${x}；模型训练时为 1。`,
  ],
  off: ["off", "已关闭"],
  offText: [
    "You switched this head off: it takes no values, and its output is 0.",
    "你关闭了这个头：它不取任何值，输出为 0。",
  ],
  goOn: ["Click on a token to let the translation go on from it.", "点击一个词元，译文就从它继续。"],
  beam: ["How the translation was searched for", "译文是怎样搜索出来的"],
  beamText: (n) =>
    n === 1
      ? [
          "Greedy search: at every step the likeliest token is taken.",
          "贪心搜索：每一步都取概率最大的词元。",
        ]
      : [
          `Beam search: at every step the ${n} hypotheses with the largest sums of ` +
            "log-probabilities go on. One that ends keeps its place. Each box has the probability " +
            "of its token and the sum so far, or after ■ the score of one that has ended. Choose " +
            "one to see all of it.",
          `束搜索：每一步保留对数概率之和最大的 ${n} 个候选，结束的候选仍占一个位置。` +
            "方框里是词元的概率和到此为止的总和；结束的候选在 ■ 之后给出得分。选择一个候选可看它的全文。",
        ],
  noSearch: [
    "There was no search: the translation was given.",
    "没有经过搜索：译文是给定的。",
  ],
  beamSize: ["Beam size", "束宽"],
  penalty: ["Length penalty", "长度惩罚"],
  treePrevious: ["Previous step", "上一步"],
  treeNext: ["Next step", "下一步"],
  treeStep: ["Step of the search", "搜索的步数"],
  treeText: (step, last, n) => [
    `After step ${step} of ${last}: ${n} in the beam`,
    `第 ${step} 步之后（共 ${last} 步）：束中有 ${n} 个候选`,
  ],
  fate_best: ["part of the translation", "属于最终译文"],
  fate_in: ["in the beam", "在束中"],
  fate_lived: ["alive: it went on", "存活：继续扩展"],
  fate_died: ["dead: none of its continuations stayed in the beam", "淘汰：没有后续留在束中"],
  fate_cut: ["cut: close, but never in the beam", "未入选：接近，但没有进入束中"],
  fate_ended: ["a finished translation", "已完成的译文"],
  fate_left: ["left: it could no longer win when the search ended", "未完：搜索结束时已不可能胜出"],
  node: (step, token, p, fate) => [
    `Step ${step}: ${token}, ${p}; ${fate}`,
    `第 ${step} 步：${token}，${p}；${fate}`,
  ],
  hypothesisSum: (logProb, sum, score) => [
    `Its last token has log-probability ${logProb}; the sum over all is ${sum}` +
      (score === null ? "." : `, and the score ${score}.`),
    `最后一个词元的对数概率为 ${logProb}，全部之和为 ${sum}` +
      (score === null ? "。" : `，得分 ${score}。`),
  ],
  became: (fate) => [` This hypothesis: ${fate}.`, `这个候选：${fate}。`],
  goOnFrom: ["Let the translation go on from here", "让译文从这里继续"],
});
