from __future__ import annotations

import random
import subprocess
import sys
import threading

from hypothesis import given
from hypothesis import strategies as st

from harness.memory import build


def test_ids_are_the_keys_of_a_mapping_and_the_positions_of_a_sequence() -> None:
    docs = {"a": "kettles keep water hot", "b": "bridges cross rivers"}
    assert build(docs)("Which bridge crosses the river?", 5)[0] == "b"
    assert build(list(docs.values()))("Which bridge crosses the river?", 5)[0] == 1


def test_words_are_found_in_every_form_and_whatever_their_marks() -> None:
    search = build(["She painted bridges.", "Nothing.", "A café in Paris", "Nothing else."])
    assert search("painting a bridge", 1) == [0]
    assert search("cafe", 1) == [2]


def test_what_stands_around_a_text_helps_to_find_it_but_less_than_its_own_words() -> None:
    docs = [f"line {n} of something else entirely" for n in range(40)]
    docs[20] = "Did you ever see the lighthouse?"
    docs[21] = "Yes, twice, with Anna."
    found = build(docs)("Who saw the lighthouse?", 5)
    assert found[0] == 20
    assert set(found) == {18, 19, 20, 21, 22}


def test_a_question_of_common_words_alone_and_one_of_none_find_nothing() -> None:
    search = build(["who is it", "what was that"])
    assert search("Who is it?", 5) == []
    assert search("", 5) == []
    assert search('" OR NEAR( *', 5) == []
    assert build([])("kettle", 5) == []


def test_words_of_a_script_without_spaces_are_found() -> None:
    search = build(["字段名称是买入金额", "今天天气很好", "水壶"])
    assert search("名称", 5)[0] == 0
    assert search("天气", 1) == [1]


def test_never_more_than_k_and_never_one_twice() -> None:
    search = build(["kettle"] * 30)
    assert search("kettle", 7) == sorted(set(search("kettle", 7)))
    assert len(search("kettle", 7)) == 7
    assert search("kettle", 0) == []


@given(
    st.lists(st.text(st.sampled_from("abc dé字\n\"'*^:()-"), max_size=30), max_size=12),
    st.text(st.sampled_from("abc dé字\n\"'*^:()-"), max_size=30),
)
def test_any_text_can_be_asked_of_any_texts_and_the_same_is_found_again(docs: list[str], query: str) -> None:
    found = build(docs)(query, 5)
    assert found == build(docs)(query, 5)
    assert len(found) == len(set(found)) <= 5


def test_dialogue_is_found_by_its_neighbours_where_one_column_finds_little() -> None:
    """Questions whose words stand in the turn before the answer, as in talks between people."""
    random.seed(7)
    words = ["".join(random.choices("bcdfgklmnprst", k=2)) + random.choice("aeiou") + "rn" for _ in range(400)]
    docs, asked = [], []
    for turn in range(0, 600, 2):
        topic = random.sample(words, 3)
        docs += [f"Tell me of {' '.join(topic)}", f"It was {random.choice(words)}"]
        asked.append((" ".join(topic), turn + 1))
    search = build(docs)
    assert sum(answer in search(query, 10) for query, answer in asked) > 0.9 * len(asked)


def test_threads_may_ask_at_once() -> None:
    search = build([f"kettle {n}" for n in range(50)])
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(search("kettle 7", 3))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(each == found[0] for each in found)


def test_importing_the_package_loads_no_database() -> None:
    code = "import sys, harness.memory; assert not {'sqlite3', 'yaml', 'harness.memory.corpus'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
