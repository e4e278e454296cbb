"""The rule that the page's modules keep to, as they are joined into one script: `web/README.md` says it."""

import re
from pathlib import Path

import pytest

from ca.page.modules import DECLARATION, joined_modules

WEB = Path(__file__).parents[2] / "src" / "ca" / "page" / "web"
MODULES = sorted(WEB.rglob("*.js"))
LAYERS = ["rule", "session", "files", "screen", ""]  # each imports only from itself and those before it


def test_no_two_modules_declare_the_same_name() -> None:
    owners: dict[str, Path] = {}
    for path in MODULES:
        names = DECLARATION.findall(re.sub(r"^export ", "", path.read_text(), flags=re.MULTILINE))
        assert names, path
        for name in names:
            assert name not in owners, f"{path} and {owners[name]} both declare {name}"
            owners[name] = path


def test_every_module_is_in_the_script_without_imports_and_exports() -> None:
    script = joined_modules()
    for path in MODULES:
        assert path.read_text().splitlines()[0] in script, path
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)


def test_imports_run_one_way() -> None:
    for path in MODULES:
        for name in re.findall(r'^import .*? from "([^"]+)";$', path.read_text(), re.MULTILINE | re.DOTALL):
            imported = (path.parent / name).resolve()
            own, other = (
                each.parent.relative_to(WEB.resolve()).as_posix().strip(".")
                for each in (path.resolve(), imported)
            )
            assert LAYERS.index(other) <= LAYERS.index(own), f"{path} imports {imported}"
            assert not (own and imported.name == "app.js")


def modules(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        (folder / f"{name}.js").write_text(source)
    return folder


def test_modules_are_joined_in_the_order_of_their_imports(tmp_path: Path) -> None:
    folder = modules(
        tmp_path,
        main='import { one } from "./one.js";\nimport {\n  three,\n  two,\n} from "./two.js";\n'
        "\none(two, three);\n",
        one='import { two } from "./two.js";\n\nexport function one() {\n  two();\n}\n',
        two="export const two = () => {};\nexport let three = 3;\n",
    )
    script = "const two = () => {};\nlet three = 3;\n\nfunction one() {\n  two();\n}\n\none(two, three);\n"
    assert joined_modules(folder) == script


@pytest.mark.parametrize(
    "declaration", ["const one = 1;", "let one;", "class one {}", "export async function one() {}"]
)
def test_name_that_two_modules_declare_is_refused(declaration: str, tmp_path: Path) -> None:
    folder = modules(
        tmp_path,
        main=f'import {{ two }} from "./two.js";\n\n{declaration}\n',
        two="const one = 1;\nexport const two = 2;\n",
    )
    with pytest.raises(ValueError, match=r"^both two.js and main.js declare one: rename one$"):
        joined_modules(folder)


@pytest.mark.parametrize(
    "statement",
    [
        'import { two as one } from "./two.js";',
        'import * as two from "./two.js";',
        'import two from "./two.js";',
        "export default 1;",
        "export { one };",
        "const { one } = globalThis;",
        "const [one] = [1];",
        "var one = 1;",
        "function* one() {}",
    ],
)
def test_statement_that_can_not_be_joined_is_refused(statement: str, tmp_path: Path) -> None:
    folder = modules(tmp_path, main=f"{statement}\n", two="export const two = 2;\n")
    with pytest.raises(ValueError, match=r"^main.js can't be joined with the others: "):
        joined_modules(folder)
