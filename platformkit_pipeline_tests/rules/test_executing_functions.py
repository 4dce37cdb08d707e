"""FUN008 through functions of the project: how far it reads, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Function, Server, Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database import executing_functions
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sqltext.dynamic_sql import unquoted_uses

SERVER = Server("17.6", 170006, "shop", "observer", False)


def plpgsql(name: str, body: str, arguments: str = "p text", definer: bool = False, language: str = "plpgsql") -> Function:
    return Function(
        "public",
        name,
        arguments,
        "function",
        "postgres",
        language,
        result="void",
        security_definer=definer,
        body=body,
        definition=f"CREATE FUNCTION public.{name}({arguments})\n RETURNS void\n LANGUAGE {language}\nAS $function${body}$function$",
    )


def judged(*functions: Function) -> dict[str, Outcome]:
    """Name → outcome of what does not pass."""
    rule = find_rule("FUN008")
    assert rule is not None
    results = evaluate(Snapshot(SERVER, functions=functions), Declarations(), (rule,))
    return {r.object.name: r.outcome for r in results if r.outcome is not Outcome.PASS}


def chain(length: int) -> Iterable[Function]:
    yield plpgsql("f0", "begin execute p; end")
    for number in range(1, length):
        yield plpgsql(f"f{number}", f"begin perform public.f{number - 1}('a' || p); end")


@pytest.mark.parametrize("order", [1, -1])
def test_a_long_chain_is_followed_to_its_end(order: int) -> None:
    functions = [*chain(60), plpgsql("run", "begin perform public.f59(p); end", definer=True)][::order]
    assert judged(*functions) == {"run": Outcome.FAIL}


def test_many_functions_called_at_once_are_each_read_in_their_order() -> None:
    calls = " ".join(f"perform public.f{n}('a');" for n in range(60))
    all_of_them = plpgsql("all_of_them", f"begin {calls} perform public.f59(p); end")
    run = plpgsql("run", "begin perform public.all_of_them('vacuum'), public.all_of_them(p); end", definer=True)
    assert judged(run, all_of_them, *list(chain(60))[::-1]) == {"run": Outcome.FAIL}
    assert judged(plpgsql("run", "begin perform public.all_of_them('a'); end", definer=True), all_of_them, *chain(60)) == {}


def test_what_is_quoted_on_the_way_is_harmless() -> None:
    quoting = plpgsql("quoting", "begin perform public.f0(format('select %L', p)); end")
    assert judged(*chain(1), quoting, plpgsql("run", "begin perform public.quoting(p); end", definer=True)) == {}


def test_a_circle_that_executes_nothing_of_the_callers_passes() -> None:
    one = plpgsql("one", "begin execute 'vacuum'; perform public.two(p); end")
    two = plpgsql("two", "begin perform public.one(p); end")
    assert judged(one, two, plpgsql("run", "begin perform public.two(p); end", definer=True)) == {}


def test_an_argument_that_is_handed_around_in_a_circle_is_found_at_whatever_place() -> None:
    names = [f"p{n}" for n in range(8)]
    turned = ", ".join([*names[1:], names[0]])
    body = f"begin if random() > 2 then perform public.around({turned}); end if; execute p7; end"
    around = plpgsql("around", body, ", ".join(f"{n} text" for n in names))
    run = plpgsql("run", "begin perform public.around(p, 'b', 'c', 'd', 'e', 'f', 'g', 'h'); end", definer=True)
    assert judged(around, run) == {"run": Outcome.FAIL}


def test_a_language_that_is_not_read_is_unknown_only_where_it_can_reach_the_server() -> None:
    run = plpgsql("run", "begin execute 'vacuum'; perform public.script(p); end", definer=True)
    reaching = plpgsql("script", "plpy.execute(p)", language="plpython3u")
    assert judged(reaching, run) == {"run": Outcome.UNKNOWN}
    assert judged(plpgsql("script", "return p.upper()", language="plpython3u"), run) == {}


def test_the_reason_names_the_function_that_could_not_be_read() -> None:
    rule = find_rule("FUN008")
    assert rule is not None
    broken = plpgsql("broken", "begin execute p; end loop")
    run = plpgsql("run", "begin perform public.broken(p); end", definer=True)
    [result] = evaluate(Snapshot(SERVER, functions=(broken, run)), Declarations(), (rule,))
    assert result.outcome is Outcome.UNKNOWN
    assert "public.broken may execute it and could not be read" in result.message


def test_of_two_overloads_the_one_with_that_many_arguments_is_meant() -> None:
    executing = plpgsql("say", "begin execute p; end", "p text, n integer")
    other = plpgsql("say", "begin raise notice '%', p; end", "p text")
    assert judged(executing, other, plpgsql("run", "begin perform public.say(p); end", definer=True)) == {}
    assert judged(executing, other, plpgsql("run", "begin perform public.say(p, 1); end", definer=True)) == {"run": Outcome.FAIL}


def test_variadic_arguments_and_the_places_of_a_procedure_are_counted_right() -> None:
    many = plpgsql("many", "begin execute rest[1]; end", "label text, VARIADIC rest text[]")
    assert judged(many, plpgsql("run", "begin perform public.many('a', 'b', p); end", definer=True)) == {"run": Outcome.FAIL}
    assert judged(many, plpgsql("run", "begin perform public.many(p, 'b', 'c'); end", definer=True)) == {}


@pytest.mark.parametrize("name", ['"!!"', '"Drop It"', '"a""b"', '"Straße"'])
def test_a_function_with_an_odd_name_is_found_where_it_is_called(name: str) -> None:
    odd = replace(plpgsql("odd", "begin execute p; end"), name=name[1:-1].replace('""', '"'))
    run = plpgsql("run", f"begin perform public.{name}(p); end", definer=True)
    assert judged(odd, run) == {"run": Outcome.FAIL}


def test_functions_that_no_definer_comes_to_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[str] = set()

    def watched(definition: str, *rest: Any) -> Any:
        read.add(definition.split("(", maxsplit=1)[0].rsplit(".", 1)[1])
        return unquoted_uses(definition, *rest)

    monkeypatch.setattr(executing_functions, "unquoted_uses", watched)
    alone = [plpgsql(f"alone{n}", "begin execute p; end") for n in range(50)]
    assert judged(*alone, *chain(1), plpgsql("run", "begin perform public.f0('vacuum'); end", definer=True)) == {}
    assert read == {"f0", "run"}


@pytest.mark.timeout(60)  # seconds when it goes well, for ever when work multiplies
def test_functions_that_all_call_one_another_take_no_long_time() -> None:
    count = 40
    calls = " ".join(f"perform public.f{n}(p);" for n in range(count))
    functions = [plpgsql(f"f{n}", f"begin {calls} {'execute p;' if n == 0 else ''} end") for n in range(count)]
    assert judged(*functions, plpgsql("run", "begin perform public.f7(p); end", definer=True)) == {"run": Outcome.FAIL}


@pytest.mark.timeout(60)  # seconds when it goes well, for ever when work multiplies
def test_thousands_of_functions_are_told_from_those_that_matter_quickly() -> None:
    functions = [plpgsql(f"touch{n}", f"begin new.updated_at := now(); perform public.touch{n - 1}({n}); end") for n in range(10_000)]
    definers = [plpgsql(f"run{n}", f"begin perform public.f{n % 5}('a'), {n}; end", definer=True) for n in range(500)]
    assert judged(*chain(5), *functions, *definers) == {}
