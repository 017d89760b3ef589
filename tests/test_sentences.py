"""Where sentences end, and where they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_mt.config import STARTER_DIR
from transformer_mt.sentences import sentence_ends, split_sentences

LINES = """
Good morning. | I like apples.
hello. | how are you? | fine
Thank you very much!!! | Bye
What?! | No way.
Yes. | That's right.
No. | I don't think so.
No. 5 is alive. | See p. 5 for more.
I met Ms. Zhou. | She is kind.
Mr. Smith lives in the U.S. | He is happy.
The U.S. President left at 5 p.m. on Monday.
I like e.g. apples. | Fine!
J. K. Rowling wrote it. | So do I. | He left.
He works at Apple Inc. | They pay well.
1. Do this. | 2. Do that.
It costs $3.50. | That is cheap.
See http://a.com/x?y=1. | Thanks.
Wait... what? | OK. | I waited... | Then he came.
"Hello." he said. | "Bye!" | She left.
He said "Where are you?" to me. | I smiled.
“I see.” | He left.
“Come in. Sit down.” | He smiled.
He went to St. Louis (Mo.). | She stayed.
Hello!How are you? | I am fine.
早上好。 | 我喜欢苹果。
你好！ | 你叫什么名字？
什么？！ | 不会吧。
他说：“我不去。” | 然后走了。
他问：“你好吗？”我说：“很好！” | 我们走了。
“看啊！”她说道。
「你好。」 | 她走了。
（今天很冷。真的。） | 明天不冷。
今天3.5度。 | 很冷！
真的……我不知道。
等等……
我喜欢苹果；他喜欢梨。
你好! | 我是小王! | 他姓王.
他是U.S.公司的。 | 好
क्या हाल है? | सब ठीक है। | अच्छा।
""".strip().splitlines()
"""Sentences of a line, apart."""


@pytest.mark.parametrize("line", LINES)
def test_sentences_of_a_line(line):
    sentences = line.split(" | ")
    is_chinese = "\u4e00" <= sentences[0][1] <= "\u9fff"
    for space in ("", " ") if is_chinese else (" ", "  "):
        text = space.join(sentences).replace("Hello! How", "Hello!How")
        if "Hello!How" in text:
            sentences = ["Hello!", "How are you?", "I am fine."]
        assert split_sentences(text) == sentences


@given(st.text(st.sampled_from("Ab.!?。！？…”“\"'（）() \u3000我I"), max_size=30))
def test_nothing_is_lost(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
    ends = sentence_ends(text)
    assert ends == sorted(set(ends)) and all(0 < end < len(text) for end in ends)


def test_the_embedded_corpus_is_one_sentence_a_line_but_for_a_few():
    """Mr., Ms. and Dr. are all over it."""
    lines = (STARTER_DIR / "train.tsv").read_text("utf-8").splitlines()
    for line in lines:
        *first, last = split_sentences(line.split("\t")[0])
        assert all(sentence[-1] in ".?!" for sentence in first)
        assert not any(part.endswith(("Mr.", "Mrs.", "Ms.", "Dr.")) for part in (*first, last))
