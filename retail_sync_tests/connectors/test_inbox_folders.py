"""Files that lie in the inbox and belong to no source: told at once, and closed when they are moved."""

from __future__ import annotations

from retail_sync.pipeline import Pipeline


def told(pipeline: Pipeline) -> dict[str, str]:
    """Receive the inbox; return subject and message of each open exception."""
    pipeline.receive_inbox()
    return {row.subject: row.message for row in pipeline.exceptions.open() if row.code == "inbox_without_source"}


def test_a_file_in_the_wrong_folder_is_told_with_the_name_that_was_meant(pipeline: Pipeline) -> None:
    """The sources are amazon and bank; empty folders and hidden files are nothing."""
    inbox = pipeline.home.inbox
    for folder in ("banks", "shoes", "empty"):
        (inbox / folder).mkdir(parents=True)
    (inbox / "banks" / "september.csv").write_text("x\n")
    (inbox / "shoes" / "a.csv").write_text("x\n")
    (inbox / "shoes" / "b.csv").write_text("x\n")
    (inbox / "loose.csv").write_text("x\n")
    (inbox / ".hidden").write_text("x\n")
    assert told(pipeline) == {
        "inbox/banks": "1 file in inbox/banks: no source has that name, so no run takes them in. Did you mean bank?",
        "inbox/shoes": "2 files in inbox/shoes: no source has that name, so no run takes them in.",
        "inbox": "1 file directly in inbox: each source has a folder of its own there, so no run takes them in.",
    }
    (inbox / "banks" / "september.csv").rename(inbox / "bank" / "september.csv")
    (inbox / "loose.csv").unlink()
    assert list(told(pipeline)) == ["inbox/shoes"]
