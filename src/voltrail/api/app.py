"""The application, assembled; each route is described where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib.metadata import version

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig

from voltrail.accounts import Accounts, Followed, Owners
from voltrail.accounts.applications import Applications
from voltrail.accounts.identities import Identities
from voltrail.accounts.supplier_requests import SupplierRequests
from voltrail.api import (
    account,
    administration,
    applications,
    authority,
    batteries,
    battery_files,
    border,
    checks,
    completeness,
    cycler,
    decisions,
    dispatch,
    documents,
    dpps,
    duties,
    epcis,
    eu_registry,
    file_rows,
    files,
    fleet,
    flows,
    followed,
    gateway,
    grants,
    handed,
    health,
    home,
    labels,
    lines,
    links,
    list_files,
    log,
    lots,
    missing,
    models,
    monitoring,
    organisations,
    outlets,
    outlook,
    outlook_adoption,
    outlook_makers,
    outlook_report,
    outlook_retirement,
    outlook_series,
    own_organisation,
    owner,
    passport_import,
    passports,
    planning,
    platform,
    provider,
    recalls,
    recycled_content,
    recycling,
    register,
    replay,
    report_page,
    reports,
    rules,
    runs,
    scan,
    sign_in,
    standards,
    statements,
    static,
    stations,
    supplier,
    supplier_requests,
    technology,
    technology_forms,
    technology_life,
    technology_range,
    technology_tests,
    technology_thousand,
    transport,
    vehicles,
    webhooks,
    work,
    work_files,
)
from voltrail.api.access import Identified
from voltrail.api.description import Description
from voltrail.api.documentation import DocumentationPage, only_found
from voltrail.api.dpps import Encoded
from voltrail.api.ending import Told
from voltrail.api.failures import HANDLERS
from voltrail.api.headers import Outgoing
from voltrail.api.monitoring import Metrics, Timed
from voltrail.api.take_away import Gate
from voltrail.connections.daily import DailyHeads
from voltrail.connections.eu_registry import NO_EU_REGISTRY, Registrar, Setting, adapter_of
from voltrail.connections.follower import Follower
from voltrail.connections.networks import Networks
from voltrail.connections.platform import Adapters, Submitter
from voltrail.connections.provider import provider_of
from voltrail.connections.webhooks import Deliverer
from voltrail.connections.witness_client import Witnesses
from voltrail.intake import Worker
from voltrail.registry.registry import Registry


def create_app(
    registry: Registry, webhook_networks: Iterable[str] = (), eu: Setting = NO_EU_REGISTRY
) -> Litestar:
    """
    Return the ASGI application that serves one registry; it does not close it.

    While it runs, witnesses are asked every 10 s, heads are entered once a day, workspaces follow the log,
    files are read, and webhooks, what outboxes hold for the national platform, and what the EU registry must
    be told are sent: to the public internet, and to the networks named (`10.20.0.0/16`). Raises RegistryError
    for an identity provider whose settings do not read, UsageError for no network and for an adapter that
    cannot be used.
    """
    metrics, witnesses = Metrics(), Witnesses(registry)
    daily, follower, worker = DailyHeads(registry), Follower(registry), Worker(registry)
    networks = Networks(webhook_networks)
    deliverer, adapters = Deliverer(registry, networks), Adapters(networks)
    submitter = Submitter(registry, adapters)
    registrar = Registrar(registry, adapter_of(registry, eu, networks), eu.back_up)
    background = (witnesses, daily, follower, worker, deliverer, submitter, registrar)

    async def close() -> None:  # all at once: each waits a little for what it is at
        await asyncio.gather(*(asyncio.to_thread(one.close) for one in background))

    app = Litestar(
        route_handlers=[
            *home.ROUTES,
            *batteries.ROUTES,
            *battery_files.ROUTES,
            *decisions.ROUTES,
            *health.ROUTES,
            *passports.ROUTES,
            *transport.ROUTES,
            *vehicles.ROUTES,
            *passport_import.ROUTES,
            *dpps.ROUTES,
            *handed.ROUTES,
            *organisations.ROUTES,
            *models.ROUTES,
            *standards.ROUTES,
            *documents.ROUTES,
            *completeness.ROUTES,
            *supplier_requests.ROUTES,
            *supplier.ROUTES,
            *recalls.ROUTES,
            *reports.ROUTES,
            *report_page.ROUTES,
            *checks.ROUTES,
            *outlets.ROUTES,
            *stations.ROUTES,
            *statements.ROUTES,
            *dispatch.ROUTES,
            *epcis.ROUTES,
            *labels.ROUTES,
            *links.ROUTES,
            *scan.ROUTES,
            *log.ROUTES,
            *lines.ROUTES,
            *lots.ROUTES,
            *recycled_content.ROUTES,
            *recycling.ROUTES,
            *runs.ROUTES,
            *sign_in.ROUTES,
            *provider.ROUTES,
            *account.ROUTES,
            *grants.ROUTES,
            *owner.ROUTES,
            *administration.ROUTES,
            *register.ROUTES,
            *applications.ROUTES,
            *own_organisation.ROUTES,
            *work.ROUTES,
            *duties.ROUTES,
            *rules.ROUTES,
            *border.ROUTES,
            *files.ROUTES,
            *file_rows.ROUTES,
            *work_files.ROUTES,
            *list_files.ROUTES,
            *webhooks.ROUTES,
            *platform.ROUTES,
            *eu_registry.ROUTES,
            *followed.ROUTES,
            *authority.ROUTES,
            *missing.ROUTES,
            *fleet.ROUTES,
            *flows.ROUTES,
            *gateway.ROUTES,
            *outlook.ROUTES,
            *outlook_series.ROUTES,
            *outlook_retirement.ROUTES,
            *outlook_adoption.ROUTES,
            *outlook_makers.ROUTES,
            *outlook_report.ROUTES,
            *technology.ROUTES,
            *technology_range.ROUTES,
            *technology_tests.ROUTES,
            *cycler.ROUTES,
            *technology_forms.ROUTES,
            *technology_thousand.ROUTES,
            *technology_life.ROUTES,
            *planning.ROUTES,
            *replay.ROUTES,
            *monitoring.ROUTES,
            *static.ROUTES,
        ],
        state=State(
            {
                "registry": registry,
                "accounts": Accounts(registry.database),
                "identities": Identities(registry.database),
                "provider": provider_of(registry),
                "applications": Applications(registry),
                "owners": Owners(registry),
                "supplier_requests": SupplierRequests(registry),
                "followed": Followed(registry.database),
                "files": worker,
                "metrics": metrics,
                "witnesses": witnesses,
                "exports": Gate(),
                "balances": recycling.Kept(),
                "webhooks": deliverer,
                "platform": adapters,
                "eu_registry": registrar,
            }
        ),
        on_startup=[one.start for one in background],
        on_shutdown=[close],
        exception_handlers=HANDLERS,
        middleware=[Timed(), Identified()],
        before_send=[Outgoing(metrics)],
        # Evidence, pages and scripts shrink to a third; tiles and proofs are hashes, which do not.
        compression_config=CompressionConfig(
            backend="gzip",
            minimum_size=1024,
            gzip_compress_level=5,
            exclude=["^/log/", "^/metrics", r"\.(xlsx|parquet)$"],
        ),
        openapi_config=OpenAPIConfig(
            title="Voltrail",
            version=version("voltrail"),
            description="A digital ID for every power battery, and its life on record for anyone to verify.",
            openapi_router=Router(
                "/docs", route_handlers=[], include_in_schema=False, after_request=only_found
            ),
            use_handler_docstrings=True,
            render_plugins=[DocumentationPage(), Description()],
        ),
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = Told(Encoded(app.asgi_handler))
    return app
