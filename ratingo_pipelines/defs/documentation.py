"""What assets show of themselves: the table they fill with the meaning of its columns, their code, and the docs.

What the columns mean is said in `storage`; nothing here decides anything. The keys of the metadata are Dagster's:
https://docs.dagster.io/guides/build/assets/metadata-and-tags (standard metadata types).
"""

import warnings
from inspect import getsourcefile, getsourcelines
from typing import cast

import dagster as dg
from sqlalchemy import Table

from ratingo_pipelines.defs.assets import title_assets
from ratingo_pipelines.defs.partitions import AIRINGS, STALE_AIRINGS, key
from ratingo_pipelines.home import shipped
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.storage import pipeline_tables
from ratingo_pipelines.storage.dictionary import columns_of
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines.sync.backfill import WITH_ASSET

DICTIONARY, OVERVIEW = "docs/database.md", "docs/architecture.md"
CODE = "dagster/code_references"


Assets = list[dg.AssetsDefinition | dg.AssetSpec]


def documented(assets: Assets) -> Assets:
    """The assets, each with its table, its code and its page of the docs."""
    with warnings.catch_warnings():
        # References to code are Dagster's beta.
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        referenced = cast("Assets", dg.with_source_code_references(assets))
        return list(dg.map_asset_specs(_documented, referenced))


def table_metadata(table: Table) -> dict[str, object]:
    """The table that an asset fills, as Dagster shows it beside the asset."""
    columns = [
        dg.TableColumn(column.name, column.type, column.meaning, dg.TableColumnConstraints(nullable=not column.needed))
        for column in columns_of(table)
    ]
    return {"dagster/table_name": table.name, "dagster/column_schema": dg.TableSchema(columns)}


def _documented(spec: dg.AssetSpec) -> dg.AssetSpec:
    table = TABLES.get(spec.key)
    known = spec.metadata.get(CODE)
    references = list(known.code_references) if isinstance(known, dg.CodeReferencesMetadataValue) else [_factory()]
    metadata = {**spec.metadata, **(table_metadata(table) if table is not None else {})}
    if page := _page(table):
        references.append(page)
        metadata["docs"] = dg.MetadataValue.path(page.file_path)
    metadata[CODE] = dg.CodeReferencesMetadataValue(code_references=references)
    return spec.replace_attributes(metadata=metadata)


def _factory() -> dg.LocalFileCodeReference:
    """Where an asset is made that no op materializes."""
    return dg.LocalFileCodeReference(
        file_path=str(getsourcefile(title_assets)), line_number=getsourcelines(title_assets)[1]
    )


def _page(table: Table | None) -> dg.LocalFileCodeReference | None:
    """The place in the docs: that of the table in the dictionary, or the overview; None where they are not at hand."""
    name, heading = (OVERVIEW, "# Architecture") if table is None else (DICTIONARY, f"### {table.name}")
    path = shipped(name)
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    line = lines.index(heading) + 1 if heading in lines else None
    return dg.LocalFileCodeReference(file_path=str(path), line_number=line, label=name)


def _tables_of(medium: Medium) -> dict[dg.AssetKey, Table]:
    t = tables_of(medium)
    filled = {
        "trending": pipeline_tables.trending,
        "watched_monthly": pipeline_tables.monthly_watchers,
        "details": t.titles,
        "ratings": t.ratings,
        "sparklines": t.snapshots,
        **{backfill.asset: t.titles for backfill in WITH_ASSET},
    }
    return {key(medium, name): table for name, table in filled.items()}


TABLES = {
    **{asset: table for medium in MEDIA for asset, table in _tables_of(medium).items()},
    AIRINGS: show_airings,
    STALE_AIRINGS: show_airings,
}
"""The main table of each asset that fills one."""
