"""A booking through the containers, from outside, and what the containers may not do."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from confluent_kafka.admin import AdminClient

from evslot import system
from evslot.services.reservation.messages import Reservation
from evslot.spine.topics import Topics
from tests.containers import images
from tests.containers.compose import SettingMissing, read
from tests.containers.conftest import ROOT, Composed
from tests.containers.podman import Podman
from tests.journeys.people import Later, Person, Said, Town, eventually, tomorrow

pytestmark = pytest.mark.anyio

OURS = (*system.NAMES, "mail")
DATABASES = tuple(f"{name}-db" for name in system.NAMES)
BUILDERS = ("gcc", "cc", "make", "pip3", "uv")
STOP_SECONDS = 15.0


async def test_a_booking_is_made_paid_and_mailed_while_a_service_is_killed(
    composed: Composed, town: Town, operator: Person
) -> None:
    driver = await town.sign_up()
    station = await operator.fresh_station()
    held = await driver.hold(await driver.quote(station, tomorrow()))
    kill(composed, "payment")
    paying = await paid(driver, held)
    assert paying.state == "confirmed"
    mail = await town.awaited_mail(driver.email, station.name)
    assert held.code in mail["text"]
    cancelled = await driver.cancel(held)
    assert cancelled.fee.amount == 0
    settled = await driver.eventual_payment_state(held, "voided")
    assert settled.reservation.state == "cancelled"


async def test_every_service_comes_back_after_a_kill(composed: Composed, town: Town) -> None:
    for service in ("reservation", "gateway"):
        kill(composed, service)
        await asyncio.to_thread(composed.wait_healthy, composed.containers[service])
    assert (await town.stranger().search()).stations


@pytest.mark.parametrize("service", [*OURS, *DATABASES, "kafka"])
def test_no_container_runs_as_root_or_may_become_it(composed: Composed, service: str) -> None:
    pid = composed.podman.inspect(composed.name(service))["State"]["Pid"]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    said = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert "0" not in said["Uid"].split()
    assert int(said["CapEff"], 16) == int(said["CapPrm"], 16) == int(said["CapBnd"], 16) == 0
    assert said["NoNewPrivs"] == "1"


@pytest.mark.parametrize("service", [*OURS, *DATABASES])
def test_root_file_systems_are_read_only(composed: Composed, service: str) -> None:
    status, said = composed.inside(service, "sh", "-c", "touch /opt/x /usr/x /x; touch /tmp/x")
    assert status == 0, said
    assert said.count("Read-only file system") == 3


def test_ports_are_published_as_given_and_on_loopback_only(composed: Composed) -> None:
    published = {
        f"{service} {line}"
        for service, container in composed.containers.items()
        for line in composed.podman.tried("port", container.name)[1].splitlines()
    }
    databases = {
        f"{part.name}-db 5432/tcp -> 127.0.0.1:{part.compose_port}" for part in system.PARTS
    }
    assert published == databases | {
        "gateway 8080/tcp -> 127.0.0.1:8080",
        "kafka 9092/tcp -> 127.0.0.1:9092",
        "mail 8025/tcp -> 127.0.0.1:8025",
    }


async def test_databases_answer_the_given_users_on_the_given_ports(composed: Composed) -> None:
    for part in system.PARTS:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=part.compose_port,
            user=part.owner,
            password=part.password,
            database=part.database,
        )
        assert not await connection.fetchval("select usesuper from pg_user where usename = user")
        assert await connection.fetchval("select count(*) from schema_migration")
        await connection.close()
        await assert_app_role_cannot_change_tables(part)


async def assert_app_role_cannot_change_tables(part: system.Part) -> None:
    """The role that runs works with rows, never with tables."""
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=part.compose_port,
        user=f"{part.owner}_app",
        password=part.password.replace("_password", "_app_password"),
        database=part.database,
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("create table mine (a int)")
    await connection.close()


def test_kafka_answers_clients_outside_on_9092(composed: Composed) -> None:
    assert composed.containers["kafka"]
    admin = AdminClient({"bootstrap.servers": "localhost:9092", "broker.address.family": "v4"})
    found = admin.list_topics(timeout=10.0)
    assert [str(broker) for broker in found.brokers.values()] == ["localhost:9092/1"]
    assert {topic.name for topic in Topics().table()} <= set(found.topics)


@pytest.mark.parametrize("part", system.NAMES)
def test_a_part_sees_its_own_private_keys_alone(composed: Composed, part: str) -> None:
    _, said = composed.inside(part, "find", "/keys", "-type", "f")
    assert set(said.split()) == {f"/keys/{part}/{part}.json", f"/keys/{part}/public.jwks.json"}


def test_the_image_holds_nothing_to_build_with(composed: Composed) -> None:
    for program in BUILDERS:
        assert composed.inside("user", "sh", "-c", f"command -v {program}") == (127, "")


def test_the_setup_job_can_be_repeated(composed: Composed) -> None:
    composed.podman("start", "Ev-setup")
    assert composed.podman("wait", "Ev-setup").strip() == "0"


MISSING = {
    "EVSLOT_USER_DATABASE_URL": "postgresql://ev_user_app:ev_user_app_password@user-db/ev_user_db",
    "EVSLOT_USER_HEALTH_PORT": "9101",
    "EVSLOT_USER_KEYS_FILE": "/keys/user/user.json",
    "EVSLOT_KEYS_PUBLIC_FILE": "/keys/user/public.jwks.json",
    "EVSLOT_KAFKA_BOOTSTRAP": "kafka:19092",
    # Not that of the container that runs already.
    "EVSLOT_USER_SLOT": "7",
}
DEFAULTED = {"EVSLOT_KAFKA_BOOTSTRAP", "EVSLOT_USER_SLOT"}
WRONG = {
    "EVSLOT_USER_DATABASE_URL": "user-db",
    "EVSLOT_USER_HEALTH_PORT": "many",
    "EVSLOT_USER_SLOT": "-1",
    "EVSLOT_USER_LOG_LEVEL": "loud",
    "EVSLOT_USER_KEYS_FILE": "/keys/user/nobody.json",
    "EVSLOT_KEYS_PUBLIC_FILE": "/keys/user/nothing.json",
    "EVSLOT_ENVIRONMENT": "somewhere",
}


@pytest.mark.parametrize("setting", [name for name in MISSING if name not in DEFAULTED])
def test_a_missing_setting_stops_a_part_with_a_line_naming_it(
    composed: Composed, setting: str
) -> None:
    assert_stops(composed.podman, {**MISSING, setting: ""}, setting)


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_setting_stops_a_part_with_a_line_naming_it(
    composed: Composed, setting: str
) -> None:
    assert_stops(composed.podman, {**MISSING, setting: WRONG[setting]}, setting)


def test_a_wrong_password_stops_a_part_with_a_line_naming_the_setting(composed: Composed) -> None:
    url = MISSING["EVSLOT_USER_DATABASE_URL"].replace("app_password", "app_wrong")
    setting = "EVSLOT_USER_DATABASE_URL"
    assert_stops(composed.podman, {**MISSING, setting: url}, setting)


def test_a_part_without_its_variables_is_named_by_compose_too() -> None:
    with pytest.raises(SettingMissing, match=r"copy \.env\.example to \.env"):
        read(ROOT / "compose.yaml", {})


def test_parts_stop_in_good_order_when_asked(composed: Composed) -> None:
    for service in ("gateway", "reservation", "mail"):
        began = time.monotonic()
        composed.podman("stop", composed.name(service))
        assert time.monotonic() - began < STOP_SECONDS
        state = composed.podman.inspect(composed.name(service))["State"]
        assert (service, state["ExitCode"]) == (service, 0)


def test_figures_of_the_image_and_the_start(
    composed: Composed, built: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {
        name: int(composed.podman("image", "inspect", name, "--format", "{{.Size}}"))
        for name in (images.BASE, images.OURS)
    }
    ours = sizes[images.OURS] - sizes[images.BASE]
    well = composed.healthy_after.items()
    lines = [
        "",
        f"image: {ours / 1e6:.0f} MB on a base of {sizes[images.BASE] / 1e6:.0f} MB",
        "built in: " + ", ".join(f"{name} {took:.0f} s" for name, took in built.items()),
        "well after: " + ", ".join(f"{name} {took:.1f} s" for name, took in well),
        "",
    ]
    with capsys.disabled():
        sys.stdout.write("\n".join(lines))
    assert ours < 400e6


def kill(composed: Composed, service: str) -> None:
    """From outside, as a crash: the engine starts it again because it was not asked to stop."""
    os.kill(composed.podman.inspect(composed.name(service))["State"]["Pid"], signal.SIGKILL)


async def paid(driver: Person, held: Reservation) -> Reservation:
    """Pays, and where the answer takes longer than HTTP waits, asks what came of it."""
    try:
        return (await driver.pay(held)).reservation
    except Later as later:
        number = later.operation_id
    except Said as refused:
        if refused.status != 503:
            raise
        number = refused.problem["operation_id"]
    await eventually(
        lambda: driver.operation(number), lambda found: found.state == "done", seconds=40.0
    )
    return (await driver.booking(held)).reservation


def assert_stops(podman: Podman, settings: dict[str, str], setting: str) -> None:
    """Status 1 and one line with the setting's name in it, within some seconds."""
    arguments = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    status, said, complained = podman.tried(
        *("run", "--rm", "--network", "evslot_default", "--volume", "evslot_user-keys:/keys/user"),
        *(*arguments, images.OURS, "run", "user"),
        seconds=30,
    )
    # Of the container's network, not of the part: it does not know podman's word for quiet.
    whole = (said + complained).replace("warning: invalid logging spec 'fatal', ignoring it\n", "")
    lines = [line for line in whole.splitlines() if not line.startswith("{")]
    assert (status, len(lines)) == (1, 1), said + complained
    assert setting in lines[0]
