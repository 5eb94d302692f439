"""`pants mzbuild-graph`: which image builds on which, for people, programs and a browser."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pants.engine.console import Console
from pants.engine.goal import Outputting
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import BoolOption, EnumOption
from pants.util.strutil import softwrap

from mzbuild.core.actions.action import Repository
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.graph.nodes import graph_nodes
from mzbuild.core.graph.page import graph_page
from mzbuild.core.graph.text import dot_lines, mermaid_lines, text_lines
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors, palette, show_document, show_json, show_text
from mzbuild.pants_api import collect_rules, implicitly, uncacheable_rule
from mzbuild.rules.fingerprints import input_files
from mzbuild.rules.graph_layout import LayoutRequest, lay_out
from mzbuild.rules.image_statuses import ImageStatuses, ImageStatusesRequest, find_image_statuses
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.selection import ReportedImages


class GraphFormat(Enum):
    """How the graph is written."""

    TEXT = "text"
    JSON = "json"
    DOT = "dot"
    MERMAID = "mermaid"
    HTML = "html"


class GraphSubsystem(Outputting, ImageGoal):
    name = "mzbuild-graph"
    help = softwrap(
        """
        Show which image builds on which: the images that are named, and all that they build on.

        For example, `pants mzbuild-graph --format=html --output-file=images.html ::` writes a page
        to look at in a browser: choose an image to see what it builds on and what builds on it,
        or look for a file or a crate to see what a change to it would rebuild.
        """
    )

    format = EnumOption(
        default=GraphFormat.TEXT,
        help=softwrap(
            """
            `text` prints a table, by layers from what builds on nothing upwards; `dot` is for
            Graphviz, and `mermaid` for what draws Mermaid's diagrams, such as Markdown on GitHub
            (of up to 500 arrows); an arrow leads to what is built on. `html` is a page that
            needs no network; Graphviz's `dot` has to be on the PATH. `json` prints a list of
            objects with `kind` (`image` or `crate`), `name`, `place` (an address or a
            directory), `layer`, `inputs` (how many files go into it), `size` (the bytes in them),
            `images` and `crates` (that it builds on directly), and for images `description`,
            `publish`, `mainline`, `fingerprint`, `error` and `status`. For example:
            `--mzbuild-graph-format=dot`.
            """
        ),
    )
    all = BoolOption(
        default=False,
        help=softwrap(
            """
            With the format `text`, give each image a line, however many there are. Otherwise, more
            of them than fit on a screen are told of by layers, with those that the most build on.
            For example: `--mzbuild-graph-all`.
            """
        ),
    )
    crates = BoolOption(
        default=False,
        help=softwrap(
            """
            Show the Cargo crates as well that the images' binaries are made of. For example:
            `--mzbuild-graph-crates`.
            """
        ),
    )
    status = BoolOption(
        default=False,
        help=softwrap(
            """
            Ask the Docker engine and all registries for the images, and show which are
            `published` (in every registry), `local` (in the engine), `missing` (to be built) or
            `unknown` (where a registry or the engine does not say). For example:
            `--mzbuild-graph-status`.
            """
        ),
    )


class Graph(GoalOutcome):
    pass


@uncacheable_rule
async def graph(
    reported: ReportedImages,
    images: Images,
    survey: Survey,
    repository: Repository,
    work_tree: WorkTree,
    warnings: ImageWarnings,
    subsystem: GraphSubsystem,
    global_options: GlobalOptions,
    console: Console,
) -> Graph:
    names = images.graph.closure(reported.names)
    statuses = ImageStatuses({})
    if subsystem.status:
        statuses = await find_image_statuses(ImageStatusesRequest(names), **implicitly())
    file = input_files(images, work_tree)

    def size(path: str) -> int:
        try:
            return file(path).content.size
        except MzbuildError:
            return 0

    nodes = graph_nodes(
        {name: images.addresses[name].spec for name in names if name in images.addresses},
        images.graph,
        survey,
        size,
        statuses.statuses,
        repository,
        crates=subsystem.crates,
    )
    if subsystem.format is GraphFormat.JSON:
        show_json(nodes, console, subsystem)
    elif subsystem.format is GraphFormat.HTML:
        layout = await lay_out(LayoutRequest(nodes), **implicitly())
        show_document(graph_page(nodes, layout, survey.inputs), console, subsystem)
    else:
        lines: Iterable[str]
        if subsystem.format is GraphFormat.TEXT:
            colours = palette(console, subsystem, global_options)
            lines = text_lines(nodes, everything=subsystem.all, paint_name=colours.cyan)
        else:
            lines = (dot_lines if subsystem.format is GraphFormat.DOT else mermaid_lines)(nodes)
        show_text(lines, console, subsystem)
    return Graph(log_errors(reported.names, images.graph, survey.errors))


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(GraphSubsystem, Graph, graph))
