"""Asks Debian's cloud-init, its own parsers: a JSON list of questions on standard input, a list of answers on standard output."""

import base64
import contextlib
import io
import json
import logging
import sys
import types

import yaml
from cloudinit import handlers, mergers, sources, user_data, util
from cloudinit.config import schema
from cloudinit.handlers.cloud_config import CloudConfigPartHandler
from cloudinit.net import network_state
from cloudinit.sources import DataSourceConfigDrive
from cloudinit.sources.helpers import openstack


def network(config):
    state = network_state.parse_net_config_data(config)
    return None if state is None else {k: v for k, v in state._network_state.items() if k != "config"}


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def openstack_network(question):
    return network(openstack.convert_net_json(question["document"], known_macs=question["macs"]))


def network_config(question):
    document = question["document"]
    problems = validate(document, schema.SchemaType.NETWORK_CONFIG)
    return {"network": network(document.get("network", document)), "problems": problems}


def config_drive(question):
    results = DataSourceConfigDrive.read_config_drive(question["directory"])
    metadata = results["metadata"]
    document = results.get("networkdata")
    return {
        "version": results["version"],
        "instanceId": metadata["instance-id"],
        "hostname": metadata.get("local-hostname"),
        "publicKeys": sources.normalize_pubkey_data(metadata.get("public-keys") or metadata.get("public_keys")),
        "userData": text(results.get("userdata")),
        "network": None if document is None else network(openstack.convert_net_json(document, known_macs=question["macs"])),
    }


def nocloud(question):
    seed = util.pathprefix2dict(
        question["directory"], required=["user-data", "meta-data"], optional=["vendor-data", "network-config"]
    )
    metadata = util.load_yaml(seed["meta-data"])
    config = util.load_yaml(seed["network-config"]) if seed.get("network-config") else None
    return {
        "instanceId": metadata.get("instance-id"),
        "hostname": metadata.get("local-hostname"),
        "publicKeys": sources.normalize_pubkey_data(metadata.get("public-keys")),
        "userData": text(seed["user-data"]),
        "vendorData": text(seed.get("vendor-data")),
        "problems": [] if config is None else validate(config, schema.SchemaType.NETWORK_CONFIG),
        "network": None if config is None else network(config.get("network", config)),
    }


def validate(config, kind):
    try:
        schema.validate_cloudconfig_schema(config, schema_type=kind, strict=True)
    except schema.SchemaValidationError as error:
        return [f"{problem.path}: {problem.message}" for problem in error.schema_errors + error.schema_deprecations]
    return []


def cloud_config(question):
    config = util.load_yaml(base64.b64decode(question["base64"]))
    return {"config": config, "problems": validate(config, schema.SchemaType.CLOUD_CONFIG)}


def merge(question):
    merged = {}
    default = mergers.string_extract_mergers("dict(replace)+list()+str()")
    for document in question["documents"]:
        rules = mergers.dict_extract_mergers(document) or default
        merged = mergers.construct(rules).merge(merged, document)
    return merged


def user_data_parts(question):
    message = user_data.UserDataProcessor({}).process(base64.b64decode(question["base64"]))
    parts = []

    def collect(_, filename, payload, headers):
        parts.append({"contentType": headers["Content-Type"], "fileName": filename, "payload": text(payload)})

    handlers.walk(message, collect, None)
    return parts


def user_data_config(question):
    handler = CloudConfigPartHandler(types.SimpleNamespace(get_ipath=lambda *_: None))
    handler.cloud_buf = {}
    message = user_data.UserDataProcessor({}).process(base64.b64decode(question["base64"]))

    def collect(_, filename, payload, headers):
        if headers["Content-Type"] == "text/cloud-config":
            handler._merge_part(text(payload), headers)

    handlers.walk(message, collect, None)
    return {"config": handler.cloud_buf, "problems": validate(handler.cloud_buf, schema.SchemaType.CLOUD_CONFIG)}


def read_yaml(question):
    return yaml.safe_load(question["text"])


operations = {
    "merge": merge,
    "user-data-parts": user_data_parts,
    "user-data-config": user_data_config,
    "yaml": read_yaml,
    "openstack-network": openstack_network,
    "network-config": network_config,
    "config-drive": config_drive,
    "nocloud": nocloud,
    "cloud-config": cloud_config,
}


def answer(question):
    try:
        return {"answer": operations[question["ask"]](question)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


logging.disable(logging.CRITICAL)
questions = json.load(sys.stdin)
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    answers = [answer(question) for question in questions]
json.dump(answers, sys.stdout, default=str)
