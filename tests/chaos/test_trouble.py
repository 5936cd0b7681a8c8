from __future__ import annotations

import pytest

from chaos.trouble import Blow, plan_trouble

NODES = ["node-1", "node-2", "node-3"]


@pytest.mark.parametrize("seed", range(20))
def test_the_plan_has_as_many_kills_as_asked_for_and_hits_nobody_who_is_down(seed: int) -> None:
    plan = plan_trouble(seed, NODES, 50)
    assert sum(trouble.blow is Blow.KILL for trouble in plan) == 50
    assert [trouble.at_s for trouble in plan] == sorted(trouble.at_s for trouble in plan)
    back_at = dict.fromkeys(NODES, 0.0)
    for trouble in plan:
        assert trouble.at_s > back_at[trouble.node]
        back_at[trouble.node] = trouble.at_s + trouble.down_s


def test_the_same_seed_plans_the_same_and_another_one_something_else() -> None:
    assert plan_trouble(7, NODES, 30) == plan_trouble(7, NODES, 30) != plan_trouble(8, NODES, 30)


def test_a_long_plan_has_blows_of_every_kind_and_several_at_once() -> None:
    plan = plan_trouble(1, NODES, 200)
    moments = [trouble.at_s for trouble in plan]
    assert {trouble.blow for trouble in plan} == set(Blow)
    assert len(set(moments)) < len(moments)
