"""The governed category of a settlement line: `data/rules/settlement_categories.csv`, applied in SQL.

A rule compares the source's own three words after upper-casing and turning every run of other characters than letters and
digits into `_` (vocabularies of one vendor differ in nothing else: "A-to-z Guarantee Refund", A-TO-Z_GUARANTEE_REFUND).
The most specific rule wins; nothing matching means `unclassified`, which holds the settlement. Nothing is guessed.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from retail_sync.core import sql
from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile


def load_category_rules(connection: duckdb.DuckDBPyConnection, rules: RuleFile) -> None:
    """Put the rules into temp table `category_rules`. Raises RulesError where two rules could decide the same line."""
    names = rules.rows[0] if rules.rows else ()
    connection.register("category_rule_rows", pa.table({name: [row[name] for row in rules.rows] for name in names}))
    connection.execute(sql.statement(__package__, "category_rules"))
    connection.unregister("category_rule_rows")
    clash = connection.execute(sql.statement(__package__, "category_rules_overlap")).fetchone()
    if clash:
        raise RulesError(
            f"two rules of settlement_categories.csv decide the same line: {clash[0]} and {clash[1]}",
            "make one of them more specific, or end the validity of one before the other begins",
        )


def categorise_staged(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `category` of the staged settlement lines."""
    connection.execute("create or replace temp view lines_to_categorise as select * from staged_settlement_lines")
    connection.execute(sql.statement(__package__, "line_kinds"))
    connection.execute(sql.statement(__package__, "categorise_staged"))


def recategorise(connection: duckdb.DuckDBPyConnection) -> int:
    """Bring the canonical lines to today's rules, inside the caller's transaction. Returns how many lines changed.

    The settlements and orders concerned are handed to the next stage. What was released already is not changed by this: a rule that
    would alter it waits for approval there.
    """
    connection.execute("create or replace temp view lines_to_categorise as select * from canonical.settlement_lines")
    connection.execute(sql.statement(__package__, "line_kinds"))
    connection.execute(sql.statement(__package__, "recategorised"))
    changed = connection.execute("select count(*) from recategorised").fetchone()
    if not changed or not changed[0]:
        return 0
    connection.execute(
        """
        update canonical.settlement_lines as l set category = r.category from recategorised as r
        where l.settlement_id = r.settlement_id and l.delivery_id = r.delivery_id and l.line_no = r.line_no
            and l.component = r.component
        """
    )
    connection.execute(
        "insert into raw.touched select 'reconcile', 'settlement', settlement_id from recategorised "
        "except select stage, kind, document_id from raw.touched"
    )
    connection.execute(
        """
        insert into raw.touched
        select 'reconcile', 'order_trace', l.order_id
        from canonical.settlement_lines as l
        join recategorised as r using (settlement_id, delivery_id, line_no, component)
        where l.order_id is not null
        except select stage, kind, document_id from raw.touched
        """
    )
    return int(changed[0])
