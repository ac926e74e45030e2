"""The modules that the generator is measured on: well-known packages, releases pinned.

They were chosen for what they are made of, before anything was measured on them, and none is
left out because its figures are bad.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Module:
    """One module of a package in the registry."""

    name: str
    """As `import` calls it."""
    package: str
    """Its distribution, pinned."""
    traits: str
    """What it is made of."""

    @property
    def slug(self) -> str:
        """Its name as a part of file names."""
        return self.name.replace(".", "_").strip("_")


MODULES = (
    Module("tomlkit.parser", "tomlkit==0.15.2", "parser, typed"),
    Module("cssselect.parser", "cssselect==1.6.0", "parser, class hierarchy, typed"),
    Module("sqlparse.sql", "sqlparse==0.6.1", "class hierarchy, generators"),
    Module("xmltodict", "xmltodict==1.0.4", "parser, callbacks"),
    Module("parse", "parse==1.22.4", "parser, regular expressions"),
    Module("sortedcontainers.sorteddict", "sortedcontainers==2.4.0", "container, views"),
    Module("cachetools", "cachetools==8.0.1", "container, class hierarchy"),
    Module("multidict._multidict_py", "multidict==7.2.1", "container, generics, typed"),
    Module("bidict._base", "bidict==0.24.1", "container, abstract base, typed"),
    Module("dateutil.relativedelta", "python-dateutil==4.0.0", "dates"),
    Module("isodate.duration", "isodate==0.7.2", "dates, operators, typed"),
    Module("humanize.number", "humanize==4.17.0", "text, numbers, typed"),
    Module("inflection", "inflection==0.5.1", "text, regular expressions"),
    Module("wsproto.frame_protocol", "wsproto==1.3.2", "protocol, state machine, enums, typed"),
    Module("h11._events", "h11==0.16.0", "protocol, dataclasses, typed"),
    Module("h2.settings", "h2==4.4.1", "protocol, enums, container, typed"),
    Module("dacite.types", "dacite==1.9.2", "types as values, typed"),
    Module("attr.validators", "attrs==26.1.0", "attrs classes, callables"),
    Module("marshmallow.validate", "marshmallow==4.4.0", "class hierarchy, typed"),
    Module("transitions.core", "transitions==0.9.3", "state machine, callbacks"),
    Module("anytree.resolver", "anytree==2.13.0", "trees, errors"),
    Module("toolz.itertoolz", "toolz==1.2.0", "generators"),
    Module("contextlib2", "contextlib2==21.6.0", "context managers, sync and async"),
    Module("asyncstdlib.itertools", "asyncstdlib==3.14.0", "async generators, typed"),
    Module("janus", "janus==2.0.0", "async, threads, queues, typed"),
    Module("boltons.fileutils", "boltons==26.2.0", "files, context managers"),
    Module("dotenv.main", "python-dotenv==1.2.4", "files, environment, typed"),
    Module("jsonlines.jsonlines", "jsonlines==4.0.0", "files, attrs classes, typed"),
    Module("semver.version", "semver==3.1.1", "regular expressions, comparison, typed"),
    Module("mpmath.libmp.libintmath", "mpmath==1.4.1", "integers, numeric"),
    Module("numpy_financial._financial", "numpy-financial==1.0.0", "arrays, numeric"),
    Module("transforms3d.quaternions", "transforms3d==0.4.2", "arrays, numeric, doctests"),
    Module("bulwark.checks", "bulwark==0.6.1", "frames, checks"),
)
