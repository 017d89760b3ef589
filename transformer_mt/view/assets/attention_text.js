// What the attention page says: [English, Chinese], or a function of a text's numbers that gives
// both. page.js has the words that the pages share.

const TEXT = {
  title: ["Attention", "注意力"],
  input: ["Decoder input", "解码器输入"],
  run: (run) => [
    `${run.name} · ${run.direction} · step ${run.step}`,
    `${run.name} · ${run.direction} · 训练 ${run.step} 步`,
  ],
  honest: [
    "Attention shows where the model looks; it is not by itself an explanation of what it " +
      "decides. How much a source token really matters is shown below by leaving it out.",
    "注意力只表明模型看向哪里，其本身并不能解释模型为何这样翻译。某个源词元究竟有多重要，" +
      "可在下方“逐一遮去”中查看。",
  ],
  choose: ["Choose the attention and how to read it", "选择注意力及其读法"],
  allLayers: ["All layers", "所有层"],
  allHeads: ["Mean of heads", "各头平均"],
  choice: (l, h) =>
    l === null
      ? ["mean of all layers and heads", "所有层、所有头的平均"]
      : h === null
        ? [`layer ${l}, mean of its heads`, `第 ${l} 层各头平均`]
        : [`layer ${l}, head ${h}`, `第 ${l} 层第 ${h} 个头`],
  brief: (l, h) =>
    l === null
      ? ["all", "全部"]
      : h === null
        ? [`L${l} mean`, `L${l} 平均`]
        : [`L${l} H${h}`, `L${l} H${h}`],
  soft: ["Soft", "软对齐"],
  shift: ["Shift", "后移一步"],
  maskEos: ["Mask end", "屏蔽句末符"],
  maskPunctuation: ["Mask punctuation", "屏蔽标点"],
  both: ["Both ways", "双向读取"],
  merge: ["Merge to words", "合并为词"],
  toRule: ["Back to the rule", "恢复默认规则"],
  help: ["What these mean", "这些选项的含义"],
  helpText: [
    "Layers, heads, rows and columns count from 0. Soft: weights; off: only the hard links " +
      "read from them. Shift: a target token's row is read one step later, where the token is " +
      "the decoder's input (Chen et al. 2020). Mask: end-of-sentence or punctuation columns " +
      "leave before links are read (the latter stay for target punctuation); in the matrix " +
      "their numbers stay, dimmed. Both ways: each source token also chooses in its column, and " +
      "the links of rows and columns are joined (grow-diag-final-and). Merge: weights of " +
      "subwords are added up over the source, and averaged over the target, to words or single " +
      "Chinese characters. Shift, masks, both ways and links concern cross-attention only.",
    "层、头、行、列均从 0 起计数。软对齐：显示权重；关闭后只显示由权重得出的硬对齐。" +
      "后移一步：目标词元的注意力取自后一步，即它作为解码器输入的那一步（Chen 等，2020）。" +
      "屏蔽：在确定对齐之前先去掉句末符列或标点列（目标词元本身是标点时，标点列保留）；" +
      "矩阵中的数值仍保留，但变淡。双向读取：每个源词元也在自己的列中选择，再把行与列的对齐合并" +
      "（grow-diag-final-and）。合并：子词的权重在源端相加、在目标端取平均，" +
      "合并为英文单词或单个汉字。后移、屏蔽、双向读取和对齐只用于交叉注意力。",
  ],
  ruleText: (reading, reason) => [
    `The rule: ${reading} (${reason}).`,
    `对齐规则：${reading}（${reason}）。`,
  ],
  chosen_on: (gold, nPairs) =>
    nPairs === null
      ? [`chosen on ${gold}`, `依据${gold}选定`]
      : [`chosen on ${gold}, ${nPairs} pairs`, `依据${gold}（${nPairs} 对）选定`],
  gold_valid: ["the run's validation set", "本次训练的验证集"],
  gold_test: ["the run's test set", "本次训练的测试集"],
  gold_starter: ["the packaged starter's validation set", "内置语料的验证集"],
  no_gold: (direction) => [`no gold links for ${direction}`, `${direction} 没有标准对齐，未经测量`],
  as_trained: ["as its training had it", "与其训练时的做法相同"],
  as_opus_mt: ["assumed, because opus-mt trains so", "opus-mt 通常这样训练，据此假定，未经测量"],
  by_option: ["chosen by option", "由选项指定"],
  changed: ["; changed by option", "，又由选项更改"],
  taught: [
    "; training taught this head word links, while the other heads are the model's own",
    "；训练时用词对齐教过这个头，其余的头是模型自己形成的",
  ],
  argMax: ["the largest weight of each row", "取每行的最大权重"],
  threshold: (x) => [`weights above ${x}`, `取大于 ${x} 的权重`],
  bothWays: (x) => [
    `joined with the largest weight of each column, above ${x}`,
    `并与每列中大于 ${x} 的最大权重合并`,
  ],
  pair: (kind, choice) => [`${kind}, ${choice}`, `${kind}，${choice}`],
  matrix: (kind, choice) => [
    `The numbers: ${kind.toLowerCase()}, ${choice}`,
    `数值：${kind}，${choice}`,
  ],
  pairHint: [
    "Thicker lines carry more weight. Point at a token, or tap it, to see its row or column alone.",
    "线越粗，权重越大。指向或点按一个词元，可单独查看它所在的行或列。",
  ],
  links: (links) => [
    `Hard links over words, source-target: ${links || "none"}.`,
    `词级硬对齐（源-目标）：${links || "无"}。`,
  ],
  sameLinks: [" The same as by the rule.", "与默认规则的结果相同。"],
  goldLinks: (nRight, nGold, nWrong) => [
    ` ${nRight} of ${nGold} sure gold links are found; ${nWrong} links are not among them.`,
    `确定的标准对齐共 ${nGold} 条，命中 ${nRight} 条；另有 ${nWrong} 条不在其中。`,
  ],
  matrixHint: [
    "Point at a cell for its number; click it, or press Enter, for the sum that made it.",
    "指向单元格可看数值；点击或按回车键，可看它是怎样算出来的。",
  ],
  rowRead: (r, label, sum) => [
    `Row ${r} ${iso(label)}: adds up to ${sum}`,
    `第 ${r} 行 ${iso(label)}：合计 ${sum}`,
  ],
  columnRead: (c, label, sum) => [
    `Column ${c} ${iso(label)}: adds up to ${sum}`,
    `第 ${c} 列 ${iso(label)}：合计 ${sum}`,
  ],
  cellRead: (r, row, c, column, weight, sum) => [
    `Row ${r} ${iso(row)}, column ${c} ${iso(column)}: ${weight} (the row adds up to ${sum})`,
    `第 ${r} 行 ${iso(row)}，第 ${c} 列 ${iso(column)}：${weight}（本行合计 ${sum}）`,
  ],
  legendLink: ["hard link", "硬对齐"],
  legendRows: ["by rows alone", "仅由行得出"],
  legendColumns: ["by columns alone", "仅由列得出"],
  legendGold: ["sure gold link", "确定的标准对齐"],
  legendFuture: ["may not be seen", "不可见"],
  heads: ["All layers and heads", "全部的层与头"],
  headsHint: (aer) =>
    aer
      ? [
          "Cross-attention is ordered by alignment error rate (AER), best first.",
          "交叉注意力按对齐错误率（AER）排序，最好的在前。",
        ]
      : ["Choose one to see it large.", "选择一个可放大查看。"],
  panel: (choice, row, column) => [
    `How ${iso(row)} → ${iso(column)} was made: ${choice}`,
    `${iso(row)} → ${iso(column)} 的权重是怎样算出来的：${choice}`,
  ],
  // `r` is the head's own row, one further than that of the matrix where shifted.
  where: (r, c, shifted) => [
    `Row ${r}, column ${c} of this head` +
      (shifted ? ` (shifted: the row one step after row ${r - 1}).` : "."),
    `此头的第 ${r} 行、第 ${c} 列${shifted ? `（后移一步：第 ${r - 1} 行的后一行）` : ""}。`,
  ],
  future: [
    "May not be seen: when a target token is written, the decoder has read only the tokens " +
      "before it, so there is no sum here and the weight is 0.",
    "不可见：写出一个目标词元时，解码器只读过它之前的词元，因此这里没有计算，权重为 0。",
  ],
  mixed: [
    "This number is made of several heads or several subwords. Its sum can be shown for one " +
      "head and one pair of subwords.",
    "这个数由多个头或多个子词合成。要看计算过程，需选定一个头和一对子词。",
  ],
  unmix: (choice) => [`Show its largest part: ${choice}`, `查看其中最大的一项：${choice}`],
  close: ["Close", "关闭"],
  products: ["1. Query times key, number by number", "1. 查询向量与键向量逐项相乘"],
  dot: (k) => [`sum of the ${k} products: q·k = `, `${k} 项乘积之和：q·k = `],
  scale: ["2. Divided by √d_k, the root of their length", "2. 除以 √d_k，即向量维数的平方根"],
  softmax: ["3. Softmax over the row", "3. 对整行做 softmax"],
  score: ["score", "得分"],
  exp: ["exp(score)", "exp(得分)"],
  weight: ["weight", "权重"],
  hard: (label, w) => [
    `This model's cross-attention is hard: of this row it takes the value of ${label} alone, ` +
      `and ${w} is its confidence.`,
    `本模型的交叉注意力是硬的：这一行只取 ${label} 的值，置信度 ${w}。`,
  ],
  sum: ["sum of exp(score) = ", "exp(得分) 之和 = "],
  stored: (w) => [`; the model computed ${w}`, `；模型算得 ${w}`],
  growth: ["How the translation grew", "译文是怎样逐步生成的"],
  previous: ["Previous token", "上一个词元"],
  next: ["Next token", "下一个词元"],
  stepLabel: ["Target token", "目标词元"],
  stepText: (n, last, p) => [
    `Step ${n} of 0–${last}, probability ${p}`,
    `第 ${n} 步（0–${last}），概率 ${p}`,
  ],
  candidates: ["What the model would write next", "模型接下来可能生成的词元"],
  bars: (choice) => [
    `Where it looks at this step: cross-attention, ${choice}`,
    `这一步看向哪里：交叉注意力，${choice}`,
  ],
  leftOut: ["Leave one out", "逐一遮去"],
  leftOutText: [
    "Below each token: by how many nats the log-probability of the token taken drops when " +
      "this source token is hidden from the model (hatched: it rises).",
    "词元下方：对模型遮去该源词元后，所取词元的对数概率下降多少奈特（斜纹表示上升）。",
  ],
};
