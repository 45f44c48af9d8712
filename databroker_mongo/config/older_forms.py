"""The YAML files that databroker reads, so that a facility changes nothing: intake's and databroker's first own form.

What databroker 1.2.5 does with them is what is done here; they are never written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

from ..errors import ConfigurationError
from .parsing import read_yaml
from .readers import read_imports, read_root_map, read_transforms, read_uri
from .settings import CatalogSettings
from .uris import VARIABLE, Uri
from .whole_paths import require_whole
from .yaml_files import Section, YamlFile

NORMALIZED_DRIVER: Final = "bluesky-mongo-normalized-catalog"
V0_KEYS: Final = ("description", "metadatastore", "assets", "handlers", "root_map", "transforms", "api_version")

_NORMALIZED_DRIVERS: Final = (NORMALIZED_DRIVER, "databroker._drivers.mongo_normalized.BlueskyMongoCatalog")
_DRIVER_ARGS: Final = (
    "metadatastore_db",
    "asset_registry_db",
    "handler_registry",
    "root_map",
    "transforms",
    "find_kwargs",
)
_KEPT_ARGS: Final = _DRIVER_ARGS[:-1]
_INTAKE_ARGS: Final = (
    "name",
    "description",
    "metadata",
    "auth",
    "ttl",
    "getenv",
    "getshell",
    "persist_mode",
    "storage_options",
)
_FIND_KWARGS_OF_SPEED: Final = (
    "allow_disk_use",
    "allow_partial_results",
    "batch_size",
    "comment",
    "cursor_type",
    "hint",
    "max_time_ms",
    "no_cursor_timeout",
)
_V0_HALVES: Final = ("metadatastore", "assets")
_V0_HALF: Final = ("module", "class", "config")
_V0_CONFIG: Final = ("uri", "host", "port", "database", "mongo_user", "mongo_pwd", "authsource")
_V0_MODULES: Final = ("databroker.headersource.mongo", "databroker.assets.mongo")
_TEMPLATE: Final = re.compile(
    r"\{\{\s*(?:(?P<directory>CATALOG_DIR)|(?:client_)?env\(\s*['\"]?(?P<name>\w+)['\"]?\s*\))\s*\}\}"
)


def read_intake(file: YamlFile, name: str, *, is_trusted: bool = False) -> CatalogSettings:
    """Read one source of an intake catalog file.

    Raises
    ------
    ConfigurationError
        A key is unknown or missing, or a value of another type; with file and line. When its driver is not that of
        runs in MongoDB the error has the fact ``driver``.
    """
    source = Section(file, ("sources", name), f"source {name!r}")
    driver = source.value("driver")
    if driver not in _NORMALIZED_DRIVERS:
        raise ConfigurationError(
            f"source {name!r} is for another driver; only {NORMALIZED_DRIVER!r} can be opened here",
            driver=str(driver),
            file=file.path,
            line=source.line("driver"),
        )
    args = source.section("args")
    if args is None:
        raise source.error("there are no 'args' to say where its runs are")
    args.allow((*_DRIVER_ARGS, *_INTAKE_ARGS))
    _check_find_kwargs(args)
    uri, asset_uri = _intake_uri(args, "metadatastore_db", name), _intake_uri(args, "asset_registry_db", name)
    return CatalogSettings(
        name=name,
        uri=uri,
        asset_uri=None if asset_uri == uri else asset_uri,
        description=source.text("description"),
        handler_registry=read_imports(args, "handler_registry"),
        root_map=read_root_map(args, "root_map"),
        transforms=read_transforms(args, "transforms") or {},
        file=file.path,
        line=source.line(),
        form="intake",
        left_out=_left_out(source, ("driver", "args", "description")) + _left_out(args, _KEPT_ARGS, "args."),
        is_trusted=is_trusted,
    )


def _intake_uri(args: Section, key: str, name: str) -> Uri:
    uri = read_uri(args, key, catalog=name, is_assets=key == "asset_registry_db")
    if uri is None:
        raise args.error(f"there is no {key!r}")
    return uri


def fill_templates(data: Any, directory: str) -> Any:
    """Replace the templates of intake in all texts: ``{{ CATALOG_DIR }}``, and ``{{ env(NAME) }}`` by ``${NAME}``."""
    if isinstance(data, dict):
        return {key: fill_templates(value, directory) for key, value in data.items()}
    if isinstance(data, list):
        return [fill_templates(value, directory) for value in data]
    if isinstance(data, str):
        return _TEMPLATE.sub(lambda match: f"${{{match['name']}}}" if match["name"] else directory, data)
    return data


def _check_find_kwargs(args: Section) -> None:
    """Allow what only changes how fast a search is; what changes its result would be lost here."""
    kwargs = args.section("find_kwargs")
    if kwargs is not None:
        kwargs.allow(_FIND_KWARGS_OF_SPEED)


def read_v0(file: YamlFile, name: str, *, is_trusted: bool = False) -> CatalogSettings:
    """Read a file in databroker's first own form, which is one catalog.

    Raises
    ------
    ConfigurationError
        A key is unknown or missing, or a value of another type; with file and line. When it is not about MongoDB the
        error has the fact ``driver``.
    """
    top = Section(file, (), f"catalog {name!r}")
    top.allow(V0_KEYS)
    uri, asset_uri = _v0_uri(top, "metadatastore", name), _v0_uri(top, "assets", name)
    return CatalogSettings(
        name=name,
        uri=uri,
        asset_uri=None if asset_uri == uri else asset_uri,
        description=top.text("description"),
        handlers=_v0_handlers(top),
        root_map=read_root_map(top, "root_map"),
        transforms=read_transforms(top, "transforms") or {},
        file=file.path,
        line=1,
        form="v0",
        left_out=_left_out_of_v0(top),
        is_trusted=is_trusted,
    )


def _left_out(section: Section, kept: Collection[str], prefix: str = "") -> tuple[str, ...]:
    """Return the keys of a section that say something, and are not among those that are kept."""
    return tuple(
        f"{prefix}{key}" for key in section if key not in kept and section.value(key) not in (None, "", {}, [])
    )


def _left_out_of_v0(top: Section) -> tuple[str, ...]:
    found: tuple[str, ...] = ("api_version",) if top.value("api_version") not in (None, 1) else ()
    for name in _V0_HALVES:
        half = top.section(name)
        config = None if half is None else half.section("config")
        if half is not None and config is not None:
            found += _left_out(half, _V0_HALF, f"{name}.") + _left_out(config, _V0_CONFIG, f"{name}.config.")
    return found


def settings_of_v0(config: Mapping[str, Any], name: str) -> CatalogSettings:
    """Read a configuration in databroker's first own form that was made in code, and is trusted as that is.

    Raises
    ------
    ConfigurationError
        A key is unknown or missing, or a value of another type; or a place in ``root_map`` is relative.
    """
    require_whole(config)
    written = YamlFile(Path(f"{name}.yml").absolute(), dict(config), {})
    return replace(read_v0(written, name, is_trusted=True), file=None, line=None)


def v0_contents(settings: CatalogSettings) -> dict[str, Any] | None:
    """Return what the file of a catalog in databroker's first own form says; None for a catalog in any other form."""
    if settings.form != "v0" or settings.file is None:
        return None
    contents: dict[str, Any] = read_yaml(settings.file).data
    return contents


def _v0_handlers(top: Section) -> dict[str, str]:
    inner = top.section("handlers")
    handlers = {}
    for spec in inner or ():
        named = inner.section(spec) if inner is not None else None
        if named is None or not {"module", "class"} <= set(named):
            raise top.error(f"the handler of {spec!r} needs 'module' and 'class'", "handlers", spec)
        handlers[spec] = f"{named.text('module')}:{named.text('class')}"
    return handlers


def _v0_uri(top: Section, key: str, name: str) -> Uri:
    half = top.section(key)
    if half is None:
        raise top.error(f"there is no {key!r}")
    module = half.text("module")
    if module not in _V0_MODULES:
        raise ConfigurationError(
            f"catalog {name!r} does not keep its {key} in MongoDB ({' or '.join(_V0_MODULES)})",
            driver=str(module),
            file=top.file.path,
            line=half.line("module"),
        )
    config = half.section("config")
    if config is None:
        raise half.error("there is no 'config'")
    written = _with_database(config)
    return Uri(written, catalog=name, is_assets=key == "assets", file=top.file.path, line=config.line())


def _with_database(config: Section) -> str:
    """Return the one URI that leads to the same database under the same account as these settings do."""
    database = config.text("database")
    if database is None:
        raise config.error("there is no 'database'")
    if "uri" in config and ("host" in config or "port" in config):
        raise config.error("there must be either 'uri' or 'host' and 'port', not both", "uri")
    uri = config.text("uri") or _from_host(config)
    authsource = config.text("authsource")
    if authsource is not None:
        uri += f"{'&' if '?' in uri else '?'}authSource={authsource}"
    if VARIABLE.fullmatch(uri):
        raise config.error("'uri' may contain variables, but a variable may not replace all of it", "uri")
    return _set_database(uri, database)


def _from_host(config: Section) -> str:
    host, port = config.text("host") or "localhost", config.value("port") or 27017
    user, password = config.text("mongo_user"), config.value("mongo_pwd")
    account = "" if user is None or password is None else f"{_escaped(user)}:{_escaped(str(password))}@"
    return f"mongodb://{account}{host}:{port}"


def _escaped(text: str) -> str:
    """Escape what a URI cannot hold. What is escaped already stays, for databroker put it into its URI as it is."""
    if VARIABLE.fullmatch(text):
        return text
    is_escaped = not re.search("%(?![0-9A-Fa-f]{2})", text)
    return quote(text, safe="%+" if is_escaped else "")


def _set_database(uri: str, database: str) -> str:
    """Put the database into a URI's path and keep the account's own database, which the path has named until now."""
    rest, _, options = uri.partition("?")
    scheme, _, place = rest.partition("://")
    hosts, _, account_database = place.partition("/")
    if "@" in hosts and "authsource=" not in options.lower() and "authmechanism=" not in options.lower():
        source = quote_plus(unquote(account_database) or "admin")
        options = f"{options}&authSource={source}" if options else f"authSource={source}"
    return f"{scheme}://{hosts}/{quote(database, safe='$')}{'?' + options if options else ''}"
