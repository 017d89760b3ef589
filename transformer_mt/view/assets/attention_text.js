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
      "可在下方“逐一遮去源词元”中查看。",
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
  layerName: (n) => [`L${n}`, `L${n}`],
  headName: (n) => [`H${n}`, `H${n}`],
  meanName: ["mean", "平均"],
  allName: ["all layers", "所有层"],
  reading: ["How links are read:", "对齐怎样读出："],
  merge: ["Whole words", "按词显示"],
  mergeHelp: [
    "On: English words and Chinese characters. Off: the subwords that the model itself reads and " +
      "writes. Weights of subwords are added up over the source and averaged over the target.",
    "打开：以英文单词和单个汉字为单位。关闭：以模型实际读写的子词为单位。" +
      "合并时，子词的权重在源端相加，在目标端取平均。",
  ],
  soft: ["Show weights", "显示权重"],
  softHelp: [
    "On: every weight is drawn (soft alignment). Off: only the links that are read from the " +
      "weights (hard alignment).",
    "打开：画出每个权重（软对齐）。关闭：只画由权重得出的对齐（硬对齐）。",
  ],
  shift: ["Row = the step that reads the token", "行＝读入该词元的那一步"],
  shiftHelp: [
    "Off: a row is the step that writes its token. On: it is the step after, at which the token " +
      "is the decoder's input (shift; Chen et al. 2020). Many heads look for a word's " +
      "counterpart only then.",
    "关闭：一行是写出该词元的那一步。打开：一行是后一步，这时该词元是解码器的输入" +
      "（后移；Chen 等，2020）。许多头到这时才去看它的对应词。",
  ],
  maskEos: ["No links to the end mark", "不与句末符对齐"],
  maskEosHelp: [
    "Heads that have nothing to look at often look at the end mark. Its column is left out " +
      "before links are read (masking eos); the numbers stay, dimmed.",
    "没有什么可看的时候，头常常看向句末符。确定对齐之前先去掉这一列（屏蔽 eos）；" +
      "数值仍保留，但变淡。",
  ],
  maskPunctuation: ["No links from words to punctuation", "词不与标点对齐"],
  maskPunctuationHelp: [
    "Columns of punctuation are left out before links are read, but for rows that are " +
      "punctuation themselves (masking punctuation).",
    "确定对齐之前先去掉标点列；目标词元本身是标点时，标点列保留（屏蔽标点）。",
  ],
  both: ["Source words choose, too", "源词也来选择"],
  bothHelp: [
    "Each row chooses the word of which it has the largest share: its weight on all of the word's " +
      "subwords, divided by what all rows give them (but at least 0.5). So a word that every row " +
      "looks at a little wins none by that. On: each column chooses its largest weight, too, and " +
      "the links of both are joined (symmetrization by grow-diag-final-and; Koehn et al. 2005).",
    "每一行选出自己所占份额最大的词：本行对这个词全部子词的权重，除以所有行给它的权重之和（不足 0.5 按 0.5 计）。" +
      "这样，人人都略看一眼的词不会因此胜出。打开：每一列也选出最大的权重，再把两边的对齐合并" +
      "（对称化，grow-diag-final-and；Koehn 等，2005）。",
  ],
  toRule: ["Back to the rule", "恢复默认规则"],
  help: ["What these mean", "这些选项的含义"],
  qkv: ["q, k and v", "q、k、v"],
  qkvHelp: [
    "Each token asks with a query q, is found by its key k, and gives its value v. They have " +
      "these three colours on all pages.",
    "每个词元用查询 q 提问，凭键 k 被找到，给出值 v。三者在各个页面上颜色一致。",
  ],
  helpText: [
    "Layers, heads, rows and columns count from 0. A row is named by the token that is being " +
      "written. Links, and the switches for them, concern cross-attention only.",
    "层、头、行、列均从 0 起计数。每一行以正在写出的词元命名。" +
      "对齐以及与之有关的开关只用于交叉注意力。",
  ],
  writing: ["writing", "正在写"],
  havingRead: ["having read", "刚读入"],
  save: ["Save as SVG", "存为 SVG"],
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
  taughtHead: [
    "This head was taught word links in training; the others are the model's own.",
    "这个头在训练时学过词对齐，其余的头是模型自己形成的。",
  ],
  argMax: ["the word of which each row has the largest share", "每行取所占份额最大的词"],
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
  headsHint: (hasRoles, nPairs, hasAer) => {
    const where = nPairs
      ? [`over ${nPairs} validation pairs`, `在 ${nPairs} 对验证句上测得`]
      : ["in this sentence", "在这句话上测得"];
    const role = hasRoles
      ? [
          `A word under a head says where most of its weight goes, ${where[0]}.`,
          `头下面的词说明它的大部分权重落在哪里（${where[1]}）。`,
        ]
      : ["", ""];
    const aer = hasAer
      ? [
          " AER: alignment error rate; ★ has the lowest.",
          "AER 为对齐错误率，★ 处最低。",
        ]
      : ["", ""];
    return [
      `Rows are layers, columns are heads. ${role[0]}${aer[0]}`,
      `行是层，列是头。${role[1]}${aer[1]}`,
    ];
  },
  best: ["the lowest AER", "AER 最低"],
  previousPlace: ["previous", "前一个"],
  previousRole: ["at the previous token", "前一个词元"],
  one_beforePlace: ["2nd last", "再前一个"],
  one_beforeRole: ["at the token before the previous one", "前一个词元之前的那个词元"],
  nextPlace: ["next", "后一个"],
  nextRole: ["at the next token", "后一个词元"],
  wordPlace: ["same word", "本词"],
  wordRole: ["at the word itself", "该词本身"],
  firstPlace: ["first", "句首"],
  firstRole: ["at the first token", "第一个词元"],
  startPlace: ["start mark", "起始符"],
  startRole: ["at the start mark", "起始符"],
  endPlace: ["end mark", "句末符"],
  endRole: ["at the end mark", "句末符"],
  alignedPlace: ["aligned", "对齐词"],
  alignedRole: ["at the word aligned to the one being written", "与正在写的词对齐的源词"],
  aligned_readPlace: ["aligned (read)", "对齐词（已读）"],
  aligned_readRole: ["at the word aligned to the one just read", "与刚读入的词对齐的源词"],
  roleText: (place, share, nPairs) => {
    const percents = `${Math.round(100 * share)}%`;
    return nPairs
      ? [
          `This head looks ${place}: ${percents} of its weight, over ${nPairs} validation pairs.`,
          `这个头看向${place}：占其权重的 ${percents}（在 ${nPairs} 对验证句上测得）。`,
        ]
      : [
          `This head looks ${place}: ${percents} of its weight, in this sentence.`,
          `这个头看向${place}：占其权重的 ${percents}（在这句话上测得）。`,
        ];
  },
  panel: (choice, row, column) => [
    `How ${iso(row)} → ${iso(column)} was made: ${choice}`,
    `${iso(row)} → ${iso(column)} 的权重是怎样算出来的：${choice}`,
  ],
  // `r` is the head's own row, one further than that of the matrix where shifted.
  // A row is named by the token that is written; `read` is its input where rows are named by that.
  where: (r, written, c, column, read) => [
    `Row ${r}, column ${c} of this head: the step that writes ${iso(written)}` +
      (read === null ? "" : `, having just read ${iso(read)},`) +
      ` looks at ${iso(column)}.`,
    `此头的第 ${r} 行、第 ${c} 列：${read === null ? "" : `刚读入 ${iso(read)}、`}` +
      `正在写 ${iso(written)} 的那一步看向 ${iso(column)}。`,
  ],
  whereSource: (r, row, c, column) => [
    `Row ${r}, column ${c} of this head: ${iso(row)} looks at ${iso(column)}.`,
    `此头的第 ${r} 行、第 ${c} 列：${iso(row)} 看向 ${iso(column)}。`,
  ],
  future: [
    "May not be seen: when a target token is written, the decoder has read only the tokens " +
      "before it, so there is no sum here and the weight is 0.",
    "不可见：写出一个目标词元时，解码器只读过它之前的词元，因此这里没有计算，权重为 0。",
  ],
  meanText: (n) => [
    `This number is the mean of ${n} heads. These are their own; choose one to look into it.`,
    `这个数是 ${n} 个头的平均。下面是各头自己的数，选择一个可继续查看。`,
  ],
  meanOf: (n) => [`sum ÷ ${n} = `, `总和 ÷ ${n} = `],
  partsText: (nRows, nCols, isShared) => [
    "This number is made of subwords. Choose a pair to see its sum. " +
      (nCols > 1 ? "Columns are added up. " : "") +
      (nRows > 1 ? `The ${nRows} rows are averaged. ` : "") +
      (isShared ? "A subword of several words is shared equally among them (÷)." : ""),
    "这个数由子词合成。选择一对子词，可看它是怎样算出来的。" +
      (nCols > 1 ? "各列相加。" : "") +
      (nRows > 1 ? `${nRows} 行取平均。` : "") +
      (isShared ? "一个子词写出几个词时，权重由它们平分（÷）。" : ""),
  ],
  partsOf: ["together ", "合计 "],
  noTokens: ["No subword writes it, so its weight is 0.", "没有子词写出它，因此权重为 0。"],
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
  output: [
    "4. Values times their weights, added up: the head's output",
    "4. 值向量各乘以权重，再相加：这个头的输出",
  ],
  outputText: (n, k) => [
    `z, the output of this head for the row, adds up weight × v over all ${n} columns: ${k} ` +
      "numbers. Those of all heads are joined and go through W_O into the layer's output.",
    `z 是这个头在这一行的输出，由全部 ${n} 列的“权重 × v”相加而成，共 ${k} 个数。` +
      "各头的 z 拼接起来，乘以 W_O，就是这一层的输出。",
  ],
  rest: (n) => [`the other ${n}`, `其余 ${n} 项`],
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
  leftOut: ["Hide each source token in turn", "逐一遮去源词元"],
  leftOutHelp: [
    "What the token taken would lose if the model could not see one source token " +
      "(leave-one-out): how much that token really matters.",
    "如果模型看不到某个源词元，所取词元的概率会降低多少（留一法）：这才说明它究竟有多重要。",
  ],
  leftOutText: [
    "Below each token: by how many nats the log-probability of the token taken drops when " +
      "this source token is hidden from the model (hatched: it rises).",
    "词元下方：对模型遮去该源词元后，所取词元的对数概率下降多少奈特（斜纹表示上升）。",
  ],
  replay: ["How alignment emerged", "对齐是怎样形成的"],
  replayHint: (source) => [
    `At validations during training, the model translated the same sentence: “${iso(source)}” ` +
      "Below are its translation at one of them, and where it looked in the source, in the " +
      "layer and head chosen above.",
    `训练时，每次验证模型都翻译同一句话：“${iso(source)}”。` +
      "下面是训练到某一步时的译文，以及它看向源句的哪里（层与头在上方选择）。",
  ],
  replayPrevious: ["Earlier in training", "上一次验证"],
  replayNext: ["Later in training", "下一次验证"],
  replayLabel: ["Training step", "训练步数"],
  replayStep: (step, i, n) => [
    `After ${step} steps of training (${i} of ${n})`,
    `训练 ${step} 步之后（${i}/${n}）`,
  ],
  play: ["Play", "播放"],
  pause: ["Pause", "暂停"],
  nothing: ["(nothing)", "（空）"],
};
