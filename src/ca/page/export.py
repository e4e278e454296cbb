"""`ca export`: writes the page as one file that opens from disk."""

from ca.checkpoint.folder import load_checkpoint
from ca.data.digits import load_digits
from ca.page.build import build_page
from ca.settings.commands import ExportSettings
from ca.system.folders import writing
from ca.system.publish import published


def export(settings: ExportSettings) -> None:
    """Write the page, and print its path.

    Raises:
        FailedError: checkpoint or data are missing, the automaton has another rule than the page's, or the
            file can't be written
    """
    checkpoint = load_checkpoint(settings.checkpoint)
    digits = load_digits(checkpoint.dataset, "test", settings.data_dir)
    path = settings.page
    page = build_page(checkpoint, digits)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with published(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    print(path)
