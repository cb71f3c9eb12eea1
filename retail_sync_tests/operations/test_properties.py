"""Any sequence of deliveries, rule changes, releases and posting leaves the ledger with what was last desired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.operations.evidence import Facts
from retail_sync.operations.verdicts import Desired
from retail_sync_tests.operations.shop import Shop, document_of, effect, shop_in_memory, wanted

ACCOUNTS = ("4000", "1000")
_number = st.integers(1, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), _number, st.integers(1, 4)),
        st.tuples(st.just("no longer wanted"), _number),
        st.tuples(st.just("held"), _number),
        st.tuples(st.just("rule"), st.sampled_from(ACCOUNTS)),
        st.tuples(st.just("release")),
        st.tuples(st.just("post")),
        st.tuples(st.just("dies after the claim")),
    ),
    max_size=25,
)


@dataclass
class World:
    """What was delivered and which rule is in force: the desired entries follow from it."""

    amounts: dict[int, int | None] = field(default_factory=dict)
    deliveries: dict[int, int] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    account: str = ACCOUNTS[0]

    def deliver(self, number: int, hundreds: int | None) -> None:
        """New facts of a settlement; None: it wants no entry now."""
        self.amounts[number] = hundreds
        self.deliveries[number] = self.deliveries.get(number, 0) + 1
        self.held.discard(number)

    def desired(self) -> Iterator[Desired]:
        """The entries of all that is ready."""
        for number, hundreds in self.amounts.items():
            if hundreds and number not in self.held:
                yield wanted(number, 10_000 * hundreds, self.facts(number), account=self.account)

    def facts(self, number: int) -> str:
        """What the entry of a settlement rests on."""
        return f"delivery {self.deliveries[number]}"

    def ready(self) -> dict[str, Facts]:
        """Documents that are ready, with their facts."""
        return {document_of(n): Facts(self.facts(n), "") for n in self.amounts if n not in self.held}


@dataclass
class Books:
    """The bookkeeper's view, from the rules in words: what is released and whether the ledger may know it."""

    standing: dict[str, Desired] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def release(self, world: World) -> None:
        """Facts that changed correct; a rule alone changes only what the ledger never saw."""
        desired = {entry.entry_key: entry for entry in world.desired()}
        for key, entry in desired.items():
            old = self.standing.get(key)
            same = old is not None and old.body_hash == entry.body_hash
            if old is None or same or key not in self.told or old.facts_hash != entry.facts_hash:
                self._stand(key, entry, same)
        for key, old in list(self.standing.items()):
            facts = world.ready().get(old.document_id)
            if key not in desired and facts and (key not in self.told or facts.settlement != old.facts_hash):
                del self.standing[key]
                self.told.discard(key)

    def _stand(self, key: str, entry: Desired, same: bool) -> None:
        self.standing[key] = entry
        if not same:
            self.told.discard(key)


def take(step: tuple[object, ...], shop: Shop, world: World, books: Books) -> None:
    """Do one step to the shop and to both models."""
    match step:
        case ("deliver", int(number), int(hundreds)):
            world.deliver(number, hundreds)
        case ("no longer wanted", int(number)):
            world.deliver(number, None)
        case ("held", int(number)):
            world.held.add(number)
        case ("rule", str(account)):
            world.account = account
        case ("release",):
            shop.release(*world.desired(), ready=world.ready())
            books.release(world)
        case ("dies after the claim",):
            shop.outbox()._claim(shop.outbox()._take("pending", 100))
            books.told |= set(books.standing)
        case ("post",):
            shop.post()
            books.told |= set(books.standing)
            assert shop.net() == effect(books.standing.values())
            assert set(shop.states().values()) <= {"verified", "reversed"}


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_the_books_follow_the_last_facts(steps: list[tuple[object, ...]]) -> None:
    """Whatever came in between, the net effect is that of the last released facts, and in the end of all facts."""
    shop, world, books = shop_in_memory(), World(), Books()
    try:
        for step in steps:
            take(step, shop, world, books)
        for number, hundreds in list(world.amounts.items()):
            world.deliver(number, hundreds)  # everything is delivered once more, under today's rule
        for step in (("release",), ("post",)):
            take(step, shop, world, books)
        assert shop.net() == effect(world.desired())
        assert shop.ledger.verify() == []
        assert set(shop.books().values()) <= {1}
    finally:
        shop.ledger.close()
        shop.engine.dispose()
