// What the primer says: [English, Chinese], or a function of a text's numbers that gives both.
// Names that begin with h are headings, with p paragraphs; the digit is the section. page.js has
// the words that the pages share.

/** The layer and head that sections 1 and 9 name, in language number `i`. */
const placeOfCross = (i) => TEXT.place(data.cross.layer, data.cross.head)[i];

const TEXT = {
  title: ["Attention, step by step", "一步一步看懂注意力"],
  intro: [
    "Unless it says otherwise, every number on this page is computed by one trained " +
      "translation model on one pair of sentences. Choose tokens, move the sliders, and watch " +
      "the sums change.",
    "除非另有说明，本页的数都由一个训练好的翻译模型在一对句子上算出。点选词元、拖动滑块，" +
      "看看算式怎样变化。",
  ],
  run: () => [
    `${run.name} · ${run.direction} · step ${run.step} · vectors of D = ${D} numbers, ` +
      `${H} heads, ` +
      `${run.n_encoder_layers} + ${run.n_decoder_layers} layers, ${run.norm}-norm`,
    `${run.name} · ${run.direction} · 训练 ${run.step} 步 · 向量长 D = ${D}，${H} 个头，` +
      `${run.n_encoder_layers} + ${run.n_decoder_layers} 层，` +
      `${run.norm === "post" ? "后" : "前"}归一化`,
  ],
  forced: () =>
    tgt.forced && tgt.text !== data.off.whole.text
      ? [
          `This translation was given to the model. Its own would be: ${iso(data.off.whole.text)}`,
          `这句译文是指定给模型的。模型自己会译成：${iso(data.off.whole.text)}`,
        ]
      : ["The translation is the model's own.", "译文由模型自己生成。"],
  reading: [
    "A shape such as (6 × 128) stands beside each matrix: 6 rows, 128 columns. Matrices are " +
      "drawn to scale, with one scale for tokens and another for the numbers of a vector. In " +
      "their colours blue is positive, red is negative, and stronger means larger; touch a strip " +
      "or a cell, point at it, or go there with Tab and the arrow keys, to read its number. " +
      "Purple marks queries, orange keys, green values. Layers, heads and positions count from " +
      "0; the letters x₁, x₂, … count from 1, as is usual. A token is a piece of text that the " +
      "model reads at once; ▁ marks a space, <s> and </s> begin and end a sentence.",
    "矩阵旁边标着形状，例如 (6 × 128) 表示 6 行 128 列，图形按形状的比例画出，词元和向量中的数各用一个比例尺。" +
      "颜色深浅表示绝对值大小，蓝色为正，红色为负；用手指点、用鼠标指，或用 Tab 键和方向键移到任意一格，" +
      "就能读出它的数值。紫色是查询，橙色是键，绿色是值，全页一致。层、头、位置都从 0 数起，只有 x₁、x₂ 这样的字母按习惯从 1 数起。" +
      "词元是模型一次读入的一小段文字；▁ 代表空格，<s> 和 </s> 表示句子的开始和结束。",
  ],
  reduced: ["with nothing learned:", "去掉可学的部分："],
  diagram: [
    "One head of attention, to scale: X times W_Q, W_K and W_V gives Q, K and V; Q Kᵀ, divided " +
      "by √d_k, through softmax, times V gives Z.",
    "一个注意力头，按比例画出：X 乘以 W_Q、W_K、W_V，得到 Q、K、V；Q Kᵀ 除以 √d_k，经 softmax，" +
      "再乘 V，得到 Z。",
  ],
  code: ["The code that computes it (click to read it):", "算出这些数的代码（点开可读）："],
  contents: ["Contents", "目录"],
  place: (l, h) => [`layer ${l}, head ${h}`, `第 ${l} 层第 ${h} 个头`],
  space: [" ", ""], // between two sentences
  pick: ["Choose:", "请选择："],
  weight: ["weight", "权重"],
  weights: ["weight", "权重"],
  score: ["score", "得分"],
  sumWord: ["sum", "合计"],

  h1: ["1. Attention shares out a fixed amount", "1. 注意力：把固定的总量分出去"],
  p1: () => [
    `To write a token of the translation, the model can draw on all ${S} tokens of the source. ` +
      "It has a fixed amount to give, which is 1. Without attention each token would get the " +
      `same, 1/${S}. Attention replaces the equal shares by weights: none is below 0, together ` +
      "they still make 1, and whatever matters more at this moment gets more.",
    `写译文中的一个词元时，模型可以参考原文的全部 ${S} 个词元。能分的总量固定为 1。` +
      `没有注意力，每个词元都分到 1/${S}；有了注意力，平均的份额换成权重：每个权重都不小于 0，` +
      "加起来仍是 1，此刻更要紧的词元多分一些。",
  ],
  equal: ["equal share", "平均份额"],
  writing: ["Writing:", "正在写："],
  sum1: (a, b) => [
    `Equal shares add up to ${a}, the weights to ${b}.`,
    `平均份额合计 ${a}，权重合计 ${b}。`,
  ],
  p1b: () => [
    "These weights are the model's own: cross-attention (section 7), " +
      `${placeOfCross(0)} (section 8). How they come about is the subject of sections 2 to 5.`,
    `这些权重取自模型本身：交叉注意力（第 7 节），${placeOfCross(1)}（多个头见第 8 节）。` +
      "它们是怎么来的，第 2 至 5 节会逐步说明。",
  ],

  p1c: [
    "Why this is worth having: the weights follow from how the tokens relate to each other, near " +
      "or far, and all of them can be computed at the same time. A recurrent network (RNN), " +
      "which reads word after word, can do neither so well; section 9 counts the steps.",
    "为什么要用注意力？权重由各个词元之间的关系决定，不论远近；而且所有权重可以同时算出来。" +
      "循环神经网络（RNN）要一个词一个词地读，这两点都做不好。第 9 节会数一数步数。",
  ],
  h2: ["2. X Xᵀ: every vector meets every other", "2. X Xᵀ：让向量两两相遇"],
  p2: () => [
    `The model keeps a vector of ${D} learned numbers, an embedding, for each piece of text. ` +
      "Stack the vectors of a sentence as rows, and you have the matrix X. The inner product of " +
      "two rows multiplies them number by number and adds up the results. The transpose Xᵀ is X " +
      "with rows and columns exchanged; X Xᵀ is the table of all these inner products.",
    `模型为每一小段文字保存一个向量（词嵌入），由 ${D} 个学到的数组成。把一句话的向量一行行叠起来，` +
      "就是矩阵 X。两行的内积，就是对应的数相乘，再全部相加。转置 Xᵀ 就是把 X 的行列互换；" +
      "X Xᵀ 就是所有内积排成的一张表。",
  ],
  h2a: ["Two words of this model", "这个模型里的两个词"],
  p2a: [
    "What does an inner product tell us? Choose two words. The drawing shows the angle between " +
      "their vectors, and the projection of a on b, at the true lengths. Words that are used " +
      "alike tend to point in similar directions; the last bar is the median of all pairs.",
    "内积说明什么？任选两个词：图中按真实长度画出两个向量的夹角，以及 a 在 b 上的投影。" +
      "用法相近的词，学出来的方向往往也相近；最后一条是所有词对的中位数，可作比较。",
  ],
  wordA: ["First word", "第一个词"],
  wordB: ["Second word", "第二个词"],
  nearest: (word, n) => [
    `The nearest neighbours of ${iso(word)} among ${n} frequent words, by cosine:`,
    `在 ${n} 个常用词中，与${iso(word)}方向最接近的词（按余弦）：`,
  ],
  median: ["median of all pairs", "所有词对的中位数"],
  h2b: ["Three vectors in a plane: make it 0.4, 0.4, 0.2", "平面上的三个向量：拖出 0.4、0.4、0.2"],
  p2d: [
    "Many introductions show 早上好, “good morning”, and say: whoever looks at 早 should give 0.4 " +
      "to 早 itself, 0.4 to 上 and 0.2 to 好. Which vectors do that? Drag the three tips, or move " +
      "them with the arrow keys, until softmax (section 3) turns the products of 早 into these " +
      "weights. On the dashed line every product with 早 is the same.",
    "讲注意力的文章常用“早上好”举例：关注“早”时，分 0.4 给“早”自己，0.4 给“上”，0.2 给“好”。" +
      "什么样的向量会得出这组权重？拖动三个箭头的端点（也可用方向键），直到 softmax（见第 3 节）" +
      "把“早”的三个内积变成这组权重。端点落在虚线上的向量，与“早”的内积都相等。",
  ],
  toyHandle: (text) => [`Tip of ${text}`, `${text}的端点`],
  toySolve: ["Show a solution", "看一个答案"],
  toyReset: ["Start again", "重来"],
  article: ["goal", "目标"],
  toyHint: [
    "上 should reach the dashed line, like 早 itself; 好 should have a product smaller by ln 2 ≈ " +
      "0.693, which halves its share.",
    "让“上”的端点落到虚线上，和“早”自己一样；“好”的内积要比它们小 ln 2 ≈ 0.693，份额正好减半。",
  ],
  toyThere: [
    "There it is: related vectors share the attention, the less related one gets half as much.",
    "成了：相关的向量平分注意力，不那么相关的只得一半。",
  ],
  h2c: (list) => [`${iso(list)} in this model`, `${iso(list)}在这个模型里`],
  p2b: () =>
    study.by_character
      ? [
          "The sentence is taken here character by character, each with the embedding of its " +
            "own piece: before the factor √D, without positions, and without a mask. A vector " +
            "was learned mainly where its character is a token by itself. The model usually " +
            "reads longer pieces; that begins in section 4.",
          "这里把句子逐字拆开，每个字用它自己的词嵌入：不乘 √D，不加位置，也不用掩码。" +
            "一个字的向量，主要是在它单独成为词元的地方学到的。模型实际读入的词元往往更长，从第 " +
            "4 节起再按模型的方式来。",
        ]
      : [
          "The sentence is taken here token by token, with the learned embeddings alone: " +
            "before the factor √D, without positions, and without a mask. From section 4 on " +
            "everything is as in the model.",
          "这里逐个词元来看，只用学到的词嵌入：不乘 √D，不加位置，也不用掩码。从第 4 节起，" +
            "一切都按模型的实际做法。",
        ],
  spelt: (list) => [
    `No piece of their own: ${list}. The mean of their byte pieces' embeddings stands in.`,
    `词表中没有单独收录：${list}。这里用其各字节词嵌入的平均值代替。`,
  ],
  products: ["All inner products", "全部内积"],
  pickCell: [
    "Choose a cell to see the two vectors behind it. The diagonal holds each vector's " +
      "squared length; the table is symmetric.",
    "点选一格，看它背后的两个向量。对角线上是各向量长度的平方；整张表关于对角线对称。",
  ],
  geometry: (a, b) => [`${iso(a)} · ${iso(b)} as geometry`, `从几何上看 ${iso(a)} · ${iso(b)}`],
  angle: ["angle θ", "夹角 θ"],
  cosine: ["cos θ", "cos θ"],
  dot: ["inner product", "内积"],
  projection: ["projection of a on b", "a 在 b 方向上的投影"],
  p2c: [
    "a · b = |a| |b| cos θ. Divided by |b|, this is how far a reaches in the direction of b: " +
      "its projection. A large product says that two vectors point in similar directions, or " +
      "that they are long, or both. So it measures how related they are, to some extent: and " +
      "where B is related to A, A should pay more attention to B.",
    "a · b = |a| |b| cos θ。再除以 |b|，就是 a 在 b 方向上伸出的长度，即投影。内积大，" +
      "可能因为两个向量方向相近，可能因为向量本身很长，也可能兼而有之。所以内积在一定程度上衡量相关性：" +
      "B 与 A 相关，关注 A 时就该多关注 B。",
  ],
  p2e: () => [
    `Off the diagonal most products are smaller. In ${D} dimensions two directions that have ` +
      "nothing to do with each other are almost always nearly perpendicular: for random " +
      `vectors the cosine is typically about 1/√${D} = ${few(1 / Math.sqrt(D))}. And only what ` +
      "is used alike becomes alike. 早 and 上 follow each other in one word, 早上, but that is not " +
      "the same as being used alike; and where the model reads 早上 as one token, it meets " +
      "neither.",
    `对角线以外的内积大多较小。在 ${D} 维空间里，两个互不相干的方向几乎总是接近垂直：随机向量的余弦通常只有 ` +
      `1/√${D} = ${few(1 / Math.sqrt(D))} 左右。而且，用法相近的才会变得相近。“早”和“上”在“早上”` +
      "一词里前后相连，用法却并不相近；而且模型若把“早上”作为一个词元来读，就根本见不到这两个字。",
  ],
  h3: [
    "3. softmax: from scores to weights, and the weighted sum",
    "3. softmax：从得分到权重，再到加权求和",
  ],
  p3: [
    "A row of scores can hold numbers of any size and sign. softmax normalises it, which means " +
      "that it becomes shares: raise e to each score, then divide by the sum. Everything is now " +
      "positive and adds up to 1. A lead of 1 in the score makes a share e ≈ 2.718 times as " +
      "large. Dividing by the sum alone would not do: scores may be negative, and their sum 0.",
    "一行得分可大可小，可正可负。softmax 的作用是归一化，把它们变成份额：先对每个得分取 e 的幂，" +
      "再除以总和。这样每个数都为正，加起来等于 1。得分高出 1，份额就是对方的 e ≈ 2.718 倍。" +
      "直接除以总和是不行的：得分可能为负，总和还可能为 0。",
  ],
  looks: (text) => [`What does ${iso(text)} look at?`, `${iso(text)} 在看谁？`],
  read3: (text, list) => [`${iso(text)} gives ${list}.`, `${iso(text)} 把注意力分给：${list}。`],
  give: (w, text) => [`${w} to ${iso(text)}`, `${iso(text)} ${w}`],
  comma: [", ", "，"],
  shifted: ["e^(score − largest)", "e^(得分 − 最大值)"],
  exp: ["e^score", "e^得分"],
  h3b: ["The weighted sum makes a new vector", "加权求和，得到新向量"],
  p3b: [
    "Now the shares are used, and this is the core of attention, a weighted sum. Multiply each " +
      "vector by its weight and add everything up: a new vector, blended for this one place from " +
      "the whole sentence.",
    "份额有了，就可以用了。注意力的核心正是加权求和：每个向量乘以自己的权重，再全部相加，" +
      "得到一个新向量。它融合了整句话，又专属于这个位置。",
  ],
  p3c: (mine) =>
    mine > 0.9
      ? [
          "Learned embeddings are long, so each row's own squared length usually wins and " +
            "the mixture hardly differs from what went in. Nothing here can be learned to do " +
            "better. That is what the next sections add.",
          "学到的词嵌入往往很长，自己与自己的内积（长度的平方）通常最大，" +
            "所以混合后几乎还是原来的向量。这里又没有可以学习的参数来改善。" +
            "接下来的几节就是要补上这一点。",
        ]
      : [
          "The weights come from the vectors alone: nothing in this step can be learned. " +
            "That is what the next sections add.",
          "这里的权重完全由向量本身决定，这一步没有可以学习的参数。接下来的几节就是要补上这一点。",
        ],

  p3d: [
    "This is also the bridge to the 0.4, 0.4, 0.2 of section 2: nothing is wrong with those " +
      "numbers. The product of 早 and 上 must only be as large as that of 早 with itself, and that " +
      "of 早 and 好 smaller by 0.693. Vectors in a plane can be dragged there; the learned " +
      "matrices of the next section can take them there too.",
    "第 2 节的 0.4、0.4、0.2 也由此说得通：那组数没有错，只要“早”与“上”的内积和“早”与自己的一样大，" +
      "“早”与“好”的内积小 0.693 即可。平面上的向量可以拖到那里，下一节学到的矩阵也能把向量变到那里。",
  ],
  h4: ["4. Q, K, V: three learned views of x", "4. Q、K、V：由 x 学到的三种表示"],
  p4: [
    "With X Xᵀ one vector has to play every part, a's score for b is always b's score for a, " +
      "and there is nothing to learn. So the model multiplies x by three learned matrices. The " +
      "query q says what this token looks for, the key k what it can be found by, the value v " +
      "what it hands over.",
    "只用 X Xᵀ，一个向量要身兼数职，a 对 b 的得分永远等于 b 对 a 的得分，而且没有东西可学。" +
      "于是模型让 x 分别乘以三个学到的矩阵：查询 q 说的是“我要找什么”，键 k " +
      "说的是“凭什么找到我”，值 v 说的是“找到我能拿走什么”。",
  ],
  p4b: () => [
    "Here you see one head of the encoder's self-attention over the source. The encoder is the " +
      "half of the model that reads. Its layers " +
      `(${run.n_encoder_layers} here) lie one on top of the other: each takes in what the one ` +
      "below gives out. A head is one such set of three matrices (section 8 shows several). " +
      "Nothing is hidden from anything. A query and a key are compared, so both must have the " +
      "same length d_k. The output is the weighted sum of the values.",
    "这里看的是编码器对原文的自注意力中的一个头。编码器是模型里负责读的那一半，" +
      `由 ${run.n_encoder_layers} 层叠成，每一层的输入就是下面一层的输出。` +
      "一个头就是这样一组三个矩阵（多个头见第 8 节）。所有词元互相可见。查询要和键比较，所以两者长度必须相同，都是 d_k。" +
      "输出就是值的加权求和。",
  ],
  why4: (place, information) => [
    `The page begins with ${place}, the most telling: there, knowing where attention goes says ` +
      "most about which token it comes from (mutual information of row and column, as in " +
      `row_information; it is 0 where all rows are alike). The head that you see has ${information}.`,
    `开始时选的是${place}，它最能说明问题：从注意力落在哪里，最能看出是哪个词元在看` +
      `（行与列的互信息，见 row_information；各行都一样时为 0）。眼前这个头是 ${information}。`,
  ],
  someLayers: (shown, all) => [
    `To keep the page small, ${shown} of ${all} layers are shown.`,
    `为了控制页面大小，只显示 ${all} 层中的 ${shown} 层。`,
  ],
  mask: ["Causal mask", "因果掩码"],
  unmasked: [
    "Mask off: this is not what the model does. It was never trained to look ahead.",
    "掩码已关闭：模型实际上并不这样做，它从未学过往后看。",
  ],
  step1: ["Step 1. X: one row for each token", "第 1 步　X：每个词元一行"],
  text1: () => [
    `Each row holds the ${D} numbers that stand for one token as this layer receives it, its ` +
      "position included.",
    `每行 ${D} 个数，代表这一层收到的一个词元，已包含位置信息。`,
  ],
  step2: ["Step 2. Q, K, V: multiply X by three matrices", "第 2 步　Q、K、V：X 乘以三个矩阵"],
  text2: () => [
    "The simplest way to make one vector into another is to multiply it by a matrix. x₁ becomes " +
      `q₁, k₁ and v₁, x₂ becomes q₂, k₂ and v₂, and so on. This head's W_Q has ${D} rows and ` +
      `${K} columns; each number of q is the sum of ${D} products and a bias, a number that is ` +
      "learned as well. The first one is worked out here for the chosen token.",
    "把一个向量变成另一个向量，最简单的办法就是乘以矩阵。x₁ 变成 q₁、k₁、v₁，x₂ 变成 q₂、k₂、v₂，" +
      `依此类推。这个头的 W_Q 有 ${D} 行 ${K} 列；q 的每个数都是 ${D} 个乘积之和，再加一个偏置` +
      "（也是学到的数）。下面为所选词元算出第一个数。",
  ],
  keyBias: ["Why does the key have no bias?", "为什么键没有偏置？"],
  keyBiasText: [
    "A bias b on the keys would change each score to q · (k + b) = q · k + q · b. q · b is the " +
      "same for every key of a row, and softmax ignores what is added to a whole row. So this " +
      "model leaves it out; with b_Q it is different, because k · b_Q differs from key to key.",
    "给键加偏置 b，得分就变成 q · (k + b) = q · k + q · b。同一行里 q · b 对每个键都一样，" +
      "而整行加上同一个数，softmax 的结果不变。所以本模型省去了它。b_Q 则不同：k · b_Q 因键而异。",
  ],
  dv: () => [
    `Here queries, keys and values all have ${K} numbers. q and k must be equally long, ` +
      "because their inner product is taken; d_v, the length of v, may differ from d_k.",
    `这里查询、键、值都是 ${K} 个数。q 和 k 要做内积，长度必须相同；v 的长度 d_v 可以与 d_k 不同。`,
  ],
  step3: ["Step 3. Scores: each query meets each key", "第 3 步　得分：每个查询与每个键相遇"],
  text3: [
    "The table Q Kᵀ takes the place of X Xᵀ. It need not be symmetric: what a asks of b differs " +
      "from what b asks of a. Rows ask, columns are asked. Worked out below is the chosen " +
      "token's query with the key that will get its largest weight.",
    "Q Kᵀ 取代了 X Xᵀ。它不必对称：a 向 b 要的，和 b 向 a 要的，可以不同。行是提问的一方，列是被问的一方。" +
      "下面算的是所选词元的查询，与它将分得最大权重的那个键。",
  ],
  step4: ["Step 4. Divide by √d_k", "第 4 步　除以 √d_k"],
  text4: () => [
    `d_k, the length of q and k, is ${K}, so each score is divided by √${K}. Section 5 shows why.`,
    `d_k 是 q 和 k 的长度，这里是 ${K}，所以每个得分都除以 √${K}。原因见第 5 节。`,
  ],
  step5: ["Step 5. softmax: rows of weights θ", "第 5 步　softmax：每行变成权重 θ"],
  text5: ["The same softmax as in section 3. Each row adds up to 1.", "与第 3 节相同的 softmax。每行合计为 1。"],
  step6: ["Step 6. Z: the weighted sum of the values", "第 6 步　Z：值的加权求和"],
  text6: [
    "Each value times its weight, all added up, makes z for the chosen token. So x₁ and x₂ have " +
      "become z₁ and z₂. This is self-attention.",
    "每个值乘以自己的权重，全部相加，就是所选词元的 z。x₁、x₂ 就这样变成了 z₁、z₂。这就是自注意力。",
  ],
  sinkTitle: ["A finding: where a head looks when there is nothing to look for", "一个发现：没什么可看时，头会看哪里"],
  sinkText: [
    "The decoder, the half of the model that writes, attends to what it has written so far, and " +
      "a mask hides the rest (section 9). Each row is named by the token that is being written, " +
      "each column by a token already there. A row of weights must add up to 1 even where " +
      "nothing is of interest. A head can then leave it with the start mark <s>, which says " +
      "little: an attention sink.",
    "解码器是模型里负责写的那一半，它关注已经写出的词元，其余的用掩码挡住（见第 9 节）。" +
      "行以正在写的词元为名，列是已有的词元。哪怕没有什么值得关注，一行权重的合计也必须是 1。" +
      "这时，一个头可以把权重放在几乎不含信息的句首标记 <s> 上，这叫“注意力汇聚点”（attention sink）。",
  ],
  sinkRead: (place, share) => [
    `Strongest in ${place}: ${share} goes to <s> on average (the first row, which sees nothing ` +
      "else, is left out). All heads:",
    `${place}最明显：平均有 ${share} 给了 <s>（第一行只看得见 <s>，不计在内）。所有头：`,
  ],
  token: ["Token:", "词元："],
  firstColumn: ["W_Q, column 0", "W_Q 第 0 列"],
  bias: (n) => [`(the sum of all ${n} products, plus the bias)`, `（全部 ${n} 项之和，再加偏置）`],
  dots: (n) => [`… ${n} more`, `……还有 ${n} 项`],
  readable: ["Numbers in colours: the arrow keys read them", "用颜色表示的数值：用方向键逐个读出"],
  solid: (rows, cols) => [
    `${rows} × ${cols} trained numbers, the same for every token and every sentence`,
    `${rows} × ${cols} 个训练得到的数，对每个词元、每句话都相同`,
  ],
  all: (n) => [`sum of all ${n} products`, `全部 ${n} 项之和`],
  rowSum: (w) => [`This row adds up to ${w}.`, `这一行合计 ${w}。`],
  blockedCell: ["hidden", "不可见"],

  h5: ["5. Why divide by √d_k?", "5. 为什么除以 √d_k？"],
  p5: [
    "Take random queries and keys whose numbers are independent and have mean 0 and variance " +
      "1. q · k is then a sum of d_k such products, so its variance is d_k: longer vectors, " +
      "larger scores. Large scores push softmax into a corner where one weight is almost 1, " +
      "and its gradient, by which the model learns, almost 0: it vanishes, and training stalls. " +
      "Dividing by √d_k brings the variance back to 1 at any length.",
    "随机取一些查询和键，各数相互独立，均值为 0，方差为 1。q · k 是 d_k 个乘积之和，方差就是 " +
      "d_k：向量越长，得分的起伏越大。得分太大，softmax 就被推到角落里，一个权重几乎为 1，" +
      "而模型赖以学习的梯度几乎为 0，也就是梯度消失，训练停滞不前。除以 √d_k，无论多长，方差都回到 1。",
  ],
  read5: (d, variance, gradient) => [
    `At d_k = ${d}, undivided, divided by √d_k, and divided by d_k: the variance of the scores is ` +
      `${variance.join(", ")}; the gradient that reaches q is ${gradient.join(", ")}.`,
    `d_k = ${d} 时，不除、除以 √d_k、除以 d_k，得分的方差依次为 ${variance.join("、")}；` +
      `传到 q 的梯度依次为 ${gradient.join("、")}。`,
  ],
  chartTip: (d, [plain, root, whole]) => [
    `${d}: ÷ 1 ${plain}, ÷ ${few(Math.sqrt(d))} ${root}, ÷ ${d} ${whole}`,
    `${d}：÷ 1 得 ${plain}，÷ ${few(Math.sqrt(d))} 得 ${root}，÷ ${d} 得 ${whole}`,
  ],
  more5: ["More charts, all numbers, and this model's own head", "更多图表、全部数值，以及本模型自己的头"],
  p5b: [
    "Undivided, the gradient that reaches q grows at first, because longer keys pass on more of " +
      "it; then softmax is in its corner, and the gradient collapses. And why not divide by d_k? " +
      "Then the variance is 1/d_k, all weights become equal shares, and the query hardly " +
      "matters: softmax itself has a healthy gradient, but the gradient that reaches q shrinks " +
      "again. As the chart shows, √d_k avoids both extremes. It is a choice that proved itself, " +
      "sound for random vectors, not a law for trained ones.",
    "不除时，传到 q 的梯度起初反而变大，因为键越长，传过去的就越多；等 softmax 被推到角落里，" +
      "梯度就急剧消失。那为什么不除以 d_k？这样方差变成 1/d_k，权重趋于平均，查询是什么几乎无关紧要：softmax " +
      "本身的梯度虽然正常，传到 q 的梯度却又变小了。从图中可以看到，√d_k " +
      "避开了这两个极端。这是个经验上的选择：对随机向量合情合理，对训练好的向量则不是定律。",
  ],
  p5d: [
    "Gradients are Frobenius norms of Jacobians; shown is the median row. Without scaling, a " +
      "few undecided rows still get very large gradients while most get almost none.",
    "梯度指雅可比矩阵的 Frobenius 范数，这里取各行的中位数。不缩放时，" +
      "少数尚未分出高下的行仍有很大的梯度，而大多数行几乎没有梯度。",
  ],
  dkAxis: ["d_k, twice as long at each step", "d_k，每步加倍"],
  logarithmic: (measure) => [`${measure}, logarithmic scale`, `${measure}（对数刻度）`],
  dkLabel: ["Length of q and k", "q 和 k 的长度"],
  variance: ["variance of the scores", "得分的方差"],
  entropy: ["entropy of the weights (nats)", "权重的熵（奈特）"],
  softmax_gradient: ["gradient through softmax", "穿过 softmax 的梯度"],
  query_gradient: ["gradient that reaches q", "传到 q 的梯度"],
  divided: ["scores divided by", "得分除以"],
  own5: (place, k) => [
    `The same for the model's own head (${place}, d_k = ${k})`,
    `模型自己的头（${place}，d_k = ${k}）`,
  ],
  p5c: [
    "The head and layer of section 4, on this sentence. Entropy 0: one token takes " +
      "everything; the higher, the more equal the shares.",
    "与第 4 节同一层同一个头，取自这句话。熵为 0 表示一个词元独占全部；熵越高，分得越平均。",
  ],

  h6: ["6. Query, key, value: a soft lookup", "6. 查询、键、值：软检索"],
  p6a: [
    "The names come from information retrieval: a query is put to a store of pairs, each a key " +
      "and its value, and the values come back whose keys fit best.",
    "这几个名称来自信息检索：拿一个查询（query），去一批键值对（key–value）里找，键与它最相关的，就取回对应的值。",
  ],
  h6a: ["A table of your own", "自己填一张表"],
  p6t: [
    "Change any cell. The score counts the characters that stand at the same place in query and " +
      "key; it is the inner product of two vectors of zeros and ones, a 1 for each character at " +
      "its place. Relevance is the score compared with that of the query itself, so relevances " +
      "need not add up to 100 %; softmax turns the scores into weights, which do add up to 1. The " +
      "answer mixes all values by weight; put numbers as values, and it is a number.",
    "每一格都可以改。得分是查询和键在相同位置上有几个字符相同，也就是两个 0、1 向量的内积：" +
      "哪个字符在哪个位置，哪里就是 1。相关性是这个得分与查询自身得分之比，合计不必是 100 %；" +
      "得分经 softmax 变成权重，合计就是 1 了。结果按权重混合所有的值；" +
      "如果值都是数，结果也是一个数。",
  ],
  query: ["query", "查询"],
  key: ["key", "键"],
  value: ["value", "值"],
  relevance: ["relevance", "相关性"],
  kvAdd: ["Add a pair", "加一对"],
  kvRemove: ["Remove the last pair", "去掉最后一对"],
  h6b: ["The same table, filled by the model", "同一张表，由模型来填"],
  p6: () => [
    "A dictionary compares your query with its keys and returns the value of the one that " +
      "matches exactly. Attention does this softly: every key matches a little, and you get a " +
      "mixture of all values in proportion. The temperature τ decides how soft. At the left end " +
      "only the best key counts, as in a dictionary; at the right end every value gets an equal " +
      "share; at τ = 1 you see what the model does." +
      (isHard
        ? " Except here: this model's cross-attention is hard, it takes the best value alone, " +
          "τ = 0 (section 10)."
        : ""),
    "查字典时，拿着要查的词去和词条比对，完全一致才取出对应的内容。注意力是软的查字典：每个键都匹配一点，取回的是所有值按比例混合的结果。软到什么程度，由温度 τ " +
      "决定。滑到最左端，只取最匹配的那个键，和字典一样；滑到最右端，所有值均分；τ = 1 时，就是模型的实际做法。" +
      (isHard ? "但本模型的交叉注意力是硬的：实际只取最佳的那个值，即 τ = 0（见第 10 节）。" : ""),
  ],
  where6: (place) => [
    "Query: from the decoder, when it writes the chosen token. Keys and values: from the " +
      `source (${place}).`,
    `查询来自解码器写出所选词元的那一步，键和值来自原文（${place}）。`,
  ],
  temperature: ["Temperature τ", "温度 τ"],
  exact: ["0 (exact hit)", "0（精确命中）"],
  even: ["∞ (equal shares)", "∞（平均分配）"],
  retrieved: ["found", "取回"],
  best: ["best key's value", "最匹配的值"],
  average: ["mean of all values", "所有值的平均"],
  read6: (a, b) => [
    `Distance from what was found to the best key's value: ${a}; to the mean of all values: ${b}.`,
    `取回的结果与最匹配的值相距 ${a}，与所有值的平均相距 ${b}。`,
  ],
  p6b: [
    "This is the part that a dictionary cannot do: because every weight moves smoothly, the " +
      "model can learn from its mistakes which keys should have matched.",
    "这正是字典做不到的：权重平滑变化，模型才能从错误中学到哪些键本该匹配。",
  ],

  h7: ["7. Self-attention and attention between two sentences", "7. 自注意力与两句之间的注意力"],
  hard7: [
    "The weights are shown as the softmax gives them; of each row this model takes only the " +
      "value of the largest (section 10).",
    "图中是 softmax 给出的权重；本模型每行只取权重最大的那个值（见第 10 节）。",
  ],
  p7: [
    "The calculation is always the same, softmax(Q Kᵀ / √d_k) V; only its objects " +
      "differ. A translator has a source, the sentence it reads, and a target, the sentence it " +
      "writes. In cross-attention each element of the target is a query to all elements of the " +
      "source: Q comes from the target, K and V from the source. Self-attention takes place " +
      "inside the source or inside the target: the special case in which both are the same " +
      "sentence.",
    "计算过程是一样的，都是 softmax(Q Kᵀ / √d_k) V，只是计算对象不同。翻译有原文（Source）和译文（Target）。" +
      "交叉注意力发生在两句之间：译文的每个元素是查询，去问原文的所有元素，Q 来自译文，K 和 V 来自原文。" +
      "自注意力发生在原文内部或译文内部，可以看作 Target = Source 的特殊情况。",
  ],
  self_src: ["source ↔ source", "原文 ↔ 原文"],
  between: ["translation → source", "译文 → 原文"],
  self_tgt: ["translation ↔ translation", "译文 ↔ 译文"],
  read7: (kind, layer, q, kv) => [
    `${kind}, layer ${layer}. Q: ${q}. K, V: ${kv}.`,
    `${kind}，第 ${layer} 层。Q：${q}。K、V：${kv}。`,
  ],
  rows7: [
    "A row is named by the token that is being written. The columns of the decoder's " +
      "self-attention are what it has received by then, <s> first.",
    "每行以正在写的词元为名。解码器自注意力的列，是它那时已收到的词元，最前面是 <s>。",
  ],
  fromSrc: ["the source", "原文"],
  fromTgt: ["what the decoder has been given", "解码器已收到的词元"],
  fromMemory: ["the encoder's output for the source", "编码器对原文的输出"],

  h8: ["8. Many heads", "8. 多头注意力"],
  p8: () => [
    `One row of weights can share out attention in one way only. So the model does it ${H} ` +
      `times side by side, with ${H} different sets of W_Q, W_K, W_V, each ${K} numbers wide. ` +
      `Every head may look from another angle, so one x gets ${H} versions of z. They are put ` +
      `end to end to one long vector, ${H} × ${K} = ${D}, and one more matrix, W_O, a fully ` +
      "connected layer, makes it the single z that goes on.",
    `一行权重只能有一种分法。于是模型并排做 ${H} 次，用 ${H} 组不同的 W_Q、W_K、W_V，每组宽 ` +
      `${K}，从不同的角度各看各的，一个 x 就有了 ${H} 个版本的 z。把它们首尾拼接成一个长向量，` +
      `${H} × ${K} = ${D}，再乘以矩阵 W_O（全连接层），合成最终的一个 z。`,
  ],
  scrolls: ["The table scrolls sideways; the last column stays.", "表格可以左右滑动，最后一列保持不动。"],
  where8: (kind) => [
    `All heads of the ${kind.toLowerCase()}. Choosing one also chooses it in sections 4 and 5.`,
    `${kind}的所有头。在这里选中一个头，第 4、5 节也会跟着变。`,
  ],
  h8b: ["Put end to end, then mixed by W_O", "首尾相接，再由 W_O 混合"],
  p8b: [
    "The z of each head for the chosen token, end to end; below it what W_O makes of them, the " +
      "output:",
    "所选词元在各个头中的 z，首尾相接；下面是经 W_O 得到的输出：",
  ],
  p8c: ["How long a vector each head adds to the output:", "每个头为输出添上多长的向量："],
  output: ["output", "输出"],
  h8c: ["Switch one head off", "关掉一个头"],
  p8d: [
    "Set one head's part to zero before W_O, and translate again. Marked: what is new in the " +
      "translation. Last column: by how much the log-probability of this page's translation " +
      "changes, in natural logarithms (nats); minus means less likely. Often little happens, " +
      "because other heads fill in.",
    "把一个头的那一段在 W_O 之前设为零，再翻译一遍。标出的是译文中变动之处；" +
      "最后一列是本页译文的对数概率（自然对数，单位奈特）变化多少，负数表示可能性变小。常常变化不大，" +
      "因为别的头可以补上。",
  ],
  offCount: (n, isLong) => [
    `${n} heads, switched off one at a time, the one that is missed most first` +
      (isLong ? "; the table scrolls." : "."),
    `逐一关掉 ${n} 个头，最不可缺的排在最前${isLong ? "；表格可以上下滚动。" : "。"}`,
  ],
  off: ["Off", "关掉"],
  translation: ["Translation", "译文"],
  change: ["Change (nats)", "变化（奈特）"],
  nothingOff: ["nothing", "不关"],
  allKinds: ["All kinds", "全部类型"],

  h9: ["9. What a translator adds", "9. 要成为翻译模型，还差什么"],
  h9a: ["The causal mask", "因果掩码"],
  p9a: () => [
    "In training the decoder gets the whole translation at once, so it must not peek at what " +
      "it is about to write. A score that looks ahead is set to −∞ before softmax and its " +
      "weight is 0. Rows are the tokens being written. This is the decoder's " +
      `${placeOfCross(0)}.`,
    "训练时，解码器一次就收到整句译文，所以不能偷看将要写的内容。softmax 之前，" +
      `凡是往后看的得分都设为 −∞，权重就成了 0。行是正在写的词元。下面是解码器${placeOfCross(1)}。`,
  ],
  h9b: ["Positions", "位置"],
  p9b: [
    "Attention by itself does not know order: shuffle the tokens, and the weights are " +
      "shuffled with them. So each position gets a fixed pattern of sines and cosines of " +
      "different wavelengths, added to the embedding (times √D). Rows are positions, columns " +
      "are the numbers of the vector.",
    "注意力本身不知道先后：打乱词元，权重只是跟着打乱。所以每个位置都有一串固定的数，" +
      "由不同波长的正弦和余弦组成，加到（乘过 √D 的）词嵌入上。图中一行是一个位置，" +
      "一列是向量中的一个数。",
  ],
  position: ["Position", "位置"],
  similar: (p) => [
    `Inner product of position ${p} with every position: near ones are alike`,
    `位置 ${p} 与各位置的内积：离得近的更像`,
  ],
  h9c: ["The path of one sentence", "一句话走过的路"],
  p9c: () => [
    "From the tokens of the source to the probability of each token of the translation, with " +
      "the shape of everything on the way. A layer is made of sub-layers: attention, and a " +
      "feed-forward network, a small one that treats every position by itself. Each adds its " +
      "result to what came in" +
      (run.norm === "post" ? " and normalises the sum" : ", which it normalises for itself first") +
      ", so the shape stays the same from layer to layer.",
    "从原文的词元，到译文每个词元的概率，途中每样东西的形状都列在这里。一层由几个子层组成：注意力，以及前馈网络" +
      "（一个小网络，对每个位置单独计算）。每个子层" +
      (run.norm === "post"
        ? "把结果加到输入上，再作归一化"
        : "先把输入归一化再计算，然后把结果加回输入") +
      "，所以逐层往上，形状不变。",
  ],
  pathStep: ["Step", "步骤"],
  pathRead: (name, n) => [
    `${name}: all ${n} numbers at once, in one parallel step.`,
    `${name}：${n} 个数同时算出，只要一个并行步骤。`,
  ],
  pathScale: [
    "Drawn to scale: one scale for tokens (down), one for the numbers of a vector (across). " +
      "Where a matrix is wider than the page its right edge is cut.",
    "按比例画出：向下是词元，向右是向量中的数，各用一个比例尺。太宽的矩阵，右边截去一段。",
  ],
  src_ids: ["token numbers of the source", "原文的词元编号"],
  src_embedded: ["embeddings × √D + positions", "词嵌入 × √D + 位置"],
  positionAxes: (rows, cols) => [
    `↓ position 0 to ${rows - 1}; → number 0 to ${cols - 1} of its vector`,
    `↓ 位置 0 到 ${rows - 1}；→ 向量的第 0 到 ${cols - 1} 个数`,
  ],
  encoder_qkv: ["encoder: Q, K, V of all heads, each", "编码器：各头的 Q、K、V，各为"],
  encoder_weights: ["encoder: self-attention weights", "编码器：自注意力权重"],
  encoder_concat: ["encoder: heads put end to end, × W_O", "编码器：各头相接，× W_O"],
  encoder_hidden: ["encoder: inside the feed-forward network", "编码器：前馈网络内部"],
  channel_gate: ["encoder: a gate for each channel", "编码器：每个通道一个门"],
  spatial_gate: ["encoder: a gate for each position", "编码器：每个位置一个门"],
  memory: () => [
    `after ${run.n_encoder_layers} layers: the encoder's output`,
    `${run.n_encoder_layers} 层之后：编码器的输出`,
  ],
  tgt_in: ["token numbers given to the decoder", "解码器收到的词元编号"],
  tgt_embedded: ["embeddings × √D + positions", "词嵌入 × √D + 位置"],
  decoder_weights: ["decoder: self-attention weights, masked", "解码器：自注意力权重（有掩码）"],
  cross_queries: ["decoder: Q of cross-attention", "解码器：交叉注意力的 Q"],
  cross_keys: [
    "K, V of cross-attention, from the encoder's output, each",
    "交叉注意力的 K、V，来自编码器的输出，各为",
  ],
  cross_weights: ["decoder: cross-attention weights", "解码器：交叉注意力权重"],
  decoder_hidden: ["decoder: inside the feed-forward network", "解码器：前馈网络内部"],
  decoder_states: () => [
    `after ${run.n_decoder_layers} layers: the decoder's output`,
    `${run.n_decoder_layers} 层之后：解码器的输出`,
  ],
  logits: [
    "one score for each entry of the vocabulary; softmax makes probabilities",
    "词表中每个词元一个得分，经 softmax 变成概率",
  ],
  p9f: [
    "At the end of the path: the probability that the model gives to each token of the " +
      "translation on this page, after the ones before it.",
    "这条路的终点：读过前面的词元之后，模型给本页译文中每个词元的概率。",
  ],
  h9d: ["Why it trains in parallel", "为什么能并行训练"],
  p9d: () => [
    "A recurrent network (RNN) reads the tokens in turn, because each state is computed from " +
      "the one before. Attention computes all positions of a layer at once. The number in each box is " +
      "the moment at which that token's state in layer 0 can be ready. The table counts all " +
      `${run.n_encoder_layers} layers; a recurrent layer follows one token behind the one below it.`,
    "循环神经网络（RNN）一个接一个地读词元，每个状态都要等前一个算完。注意力则让一层的所有位置同时算。" +
      `方框中的数，是第 0 层中该词元的状态最早在第几步算好；表中计入全部 ${run.n_encoder_layers} ` +
      "层，循环网络的每一层比下面一层晚一个词元。",
  ],
  length: ["Tokens", "词元数"],
  recurrent: ["recurrent (RNN)", "循环网络（RNN）"],
  attention: ["attention", "注意力"],
  trainSteps: ["steps one after another, in training", "训练时必须先后进行的步数"],
  pathLength: ["steps between first and last token in a layer", "一层之内，首尾词元相隔的步数"],
  decodeSteps: ["steps one after another, writing a translation", "生成译文时必须先后进行的步数"],
  p9e: [
    "The price: each layer compares every token with every other, n² weights. And when a " +
      "translation is written, both go token by token, because each depends on the one before.",
    "代价是每层都要两两比较，共 n² 个权重。而真正生成译文时，两者都只能一个词元一个词元地写，" +
      "因为后一个要看前一个。",
  ],

  h10: ["10. Kinds of attention", "10. 各种各样的注意力"],
  p10: () => [
    "The same idea returns under many names. Ask of each: what does it share out, or weigh, " +
      "and do the numbers add up to 1? For images, F is a feature map; here it is the " +
      `encoder's output for this sentence${isGated ? " before its gates" : ""}, ${S} positions ` +
      `by ${D} channels.`,
    "同一个想法有许多名字。不妨逐一问：它在给什么分配权重？这些数加起来等于 1 吗？在图像里，" +
      `F 是特征图；在这里，F 是编码器对这句话的输出${isGated ? "（经过门之前）" : ""}，${S} ` +
      `个位置，${D} 个通道。`,
  ],
  p10i: [
    "Each kind begins with a picture of 12 × 12 pixels, on which nothing is learned: numbers " +
      "are only compared with their mean. Below it the same kind works on this sentence.",
    "每一种都先看一幅 12 × 12 像素的小图，那里没有学到的参数，只是把数与平均值相比；下面再把它用在这句话上。",
  ],
  imageSoft: [
    "Each square of 4 × 4 pixels, blurred, looks at the others; the number is the weight of " +
      "each. Choose one. Soft mixes the others by weight, hard copies the best.",
    "每个 4 × 4 的小块，模糊之后去看其他小块，下面的数是各块的权重。请选一块：软注意力按权重混合其他小块，硬注意力只照搬最好的一块。",
  ],
  imageChannel: [
    "The channels are red, green and blue: each gets a gate, and the whole colour is let " +
      "through or dimmed.",
    "通道就是红、绿、蓝：每个通道一个门，整个颜色一起放行或减弱。",
  ],
  imageSpatial: [
    "The places are pixels: the map g is bright where something stands out, and the rest is " +
      "dimmed.",
    "位置就是像素：越显眼的地方，图 g 越亮，其余的被压暗。",
  ],
  imageTemporal: [
    "The times are frames of a film. Choose the reference: the more a frame is like it, the " +
      "more of it is let through.",
    "时间就是影片的帧。请选参考帧：越像它的帧，放行得越多。",
  ],
  frame: (f) => [`Frame ${f}`, `第 ${f} 帧`],
  patch: (p) => [`Square ${p}`, `第 ${p} 块`],
  h10a: [
    "Soft and hard (as in TTSR, Yang et al. 2020)",
    "软注意力与硬注意力（如 TTSR，Yang 等，2020）",
  ],
  p10a: [
    "Soft: a mixture of all values; sums to 1. Hard: the value of the largest weight alone. " +
      "TTSR, which raises the resolution of pictures with textures from a reference, takes each " +
      "texture from the single best place and keeps that place's relevance as a confidence. " +
      "There the relevance is a cosine, and “soft attention” means scaling the result by that " +
      "confidence; here the largest softmax weight stands in for it.",
    "软：所有值的混合，权重合计为 1。硬：只取权重最大的那一个值。TTSR " +
      "用参考图的纹理提高图像的分辨率：每处纹理取自最相关的一个位置，同时把相关程度留作置信度。" +
      "TTSR 的相关程度是余弦相似度，它所说的“软注意力”是用置信度去缩放结果；这里以最大的 " +
      "softmax 权重代替这个置信度。",
  ],
  p10a2: () => [
    "The arg-max has no useful gradient: a small change of the scores changes nothing. The " +
      "straight-through trick computes forwards with the hard weights and backwards as if they " +
      "had been the soft ones: w_hard + w_soft − stop(w_soft). " +
      (isHard
        ? "This model was trained so: its cross-attention passes on the hard value."
        : "This model was trained without it (model.cross_attention=hard turns it on): it passes on " +
          "the soft mixture."),
    "取最大值没有可用的梯度：得分稍变，结果不变。直通技巧（straight-through）是：" +
      "前向用硬权重，反向求导时当作用的是软权重，即 w_硬 + w_软 − stop(w_软)。" +
      (isHard
        ? "本模型正是这样训练的：它的交叉注意力传下去的是硬的结果。"
        : "本模型不是这样训练的（可用 model.cross_attention=hard 训练）：" +
          "它传下去的是软的混合。"),
  ],
  soft: ["soft", "软"],
  hard: ["hard", "硬"],
  read10: (p, d) => [
    `Confidence ${p}. The hard result is ${d} away from the soft one.`,
    `置信度 ${p}。硬结果与软结果相距 ${d}。`,
  ],
  gateTag: (trained) =>
    trained
      ? ["this model's own, trained", "本模型自己的，经过训练"]
      : ["random weights, not trained", "随机权重，未经训练"],
  function: ["no learned weights", "没有可学的权重"],
  h10b: ["Over channels (CBAM, Woo et al. 2018)", "通道注意力（CBAM，Woo 等，2018）"],
  p10b: () => [
    `Which of the ${D} numbers of a vector matter? Average and maximum over the positions ` +
      "pass through one small shared network; a sigmoid, σ(x) = 1 / (1 + e⁻ˣ), makes a gate " +
      "between 0 and 1 for each channel. Gates do not compete: they need not add up to 1.",
    `向量的 ${D} 个数里，哪些更要紧？先沿位置取平均和最大值，送进同一个小网络，再用 sigmoid，即 σ(x) = 1 / (1 + e⁻ˣ)，` +
      "给每个通道一个 0 到 1 之间的门。各个门互不相争，不必加起来等于 1。",
  ],
  h10c: ["Over space (CBAM, Woo et al. 2018)", "空间注意力（CBAM，Woo 等，2018）"],
  p10c: () => [
    "Which positions matter? Average and maximum over the channels give two numbers for each " +
      `position; a convolution over ${data.kinds.kernel} positions and a sigmoid make one gate ` +
      "each. " +
      (isSpatialAlone ? "" : "As in CBAM this comes after the channel gate. ") +
      "A sentence has one dimension where a picture has two.",
    `哪些位置更要紧？沿通道取平均和最大值，每个位置得到两个数；再用宽 ${data.kinds.kernel} ` +
      "的卷积和 sigmoid，给每个位置一个门。" +
      (isSpatialAlone ? "" : "与 CBAM 一样，它接在通道门之后。") +
      "图像有两维，句子只有一维。",
  ],
  h10d: ["Over time (EDVR, Wang et al. 2019)", "时间注意力（EDVR，Wang 等，2019）"],
  p10d: [
    "Which frames of a video resemble the one being restored? Each gets the sigmoid of its " +
      "similarity to that reference frame. A sentence has no natural reference, so choose a " +
      "position. EDVR first applies two learned convolutions, θ and φ; here they only make the " +
      "vectors unit long.",
    "视频中哪些帧与正在修复的这一帧相似？每帧得到一个门：与参考帧相似度的 sigmoid。" +
      "句子没有天然的参考位置，请自己选一个。EDVR 先用两个学到的卷积 θ 和 φ 作变换，" +
      "这里只把向量缩放到长度 1。",
  ],
  reference: ["Reference:", "参考位置："],
  gate: ["gate g", "门 g"],
  mean: ["average", "平均"],
  max: ["maximum", "最大"],
  p10e: [
    "In short: softmax attention shares out a whole, so tokens compete. Gates scale each " +
      "part on its own. Hard attention chooses one.",
    "总之：softmax 注意力分的是一个固定的总量，词元之间此消彼长；门则各自缩放，互不相干；" +
      "硬注意力只选一个。",
  ],
};
