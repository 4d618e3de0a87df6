"""OpenStack Swift with its S3 interface, all of its servers in one process on loopback. Arguments: a directory of its own, and a bucket to make there.
Prints its port when it is ready; ends with its standard input."""

import os
import sys
import threading

import eventlet

eventlet.monkey_patch(os=False)

import eventlet.wsgi  # noqa: E402
import swift.common.utils as utils  # noqa: E402

directory, bucket = sys.argv[1:3]
with open(os.path.join(directory, "swift.conf"), "w") as conf:
    conf.write("[swift-hash]\nswift_hash_path_suffix = cloudimg\nswift_hash_path_prefix = cloudimg\n")
utils.set_swift_dir(directory)

from swift.common.internal_client import InternalClient  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.storage_policy import reload_storage_policies  # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # noqa: E402

reload_storage_policies()
kinds = ["account", "container", "object", "proxy"]
sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in kinds}
os.makedirs(os.path.join(directory, "devices", "sda"))

common = "[DEFAULT]\ndevices = {0}/devices\nswift_dir = {0}\nmount_check = false\nlog_level = ERROR\n".format(directory)
proxy = """
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth slo dlo symlink versioned_writes proxy-server
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin .reseller_admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
"""
proxy += "".join(
    "[filter:%s]\nuse = egg:swift#%s\n" % (name, name)
    for name in "catch_errors gatekeeper healthcheck listing_formats bulk slo dlo symlink versioned_writes".split()
)

for kind in kinds:
    if kind != "proxy":
        builder = RingBuilder(6, 1, 1)
        port = sockets[kind].getsockname()[1]
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "ip": "127.0.0.1", "port": port, "device": "sda", "meta": ""})
        builder.rebalance()
        builder.get_ring().save(os.path.join(directory, kind + ".ring.gz"))

for kind in kinds:
    path = os.path.join(directory, kind + ".conf")
    with open(path, "w") as conf:
        conf.write(common)
        conf.write(proxy if kind == "proxy" else "[app:main]\nuse = egg:swift#%s\n" % kind)
    app = loadapp(path)
    log = open(os.path.join(directory, kind + ".log"), "w")
    eventlet.spawn(eventlet.wsgi.server, sockets[kind], app, log, protocol=SwiftHttpProtocol, max_size=64)

client = open(os.path.join(directory, "client.conf"), "w")
client.write(common + "[pipeline:main]\npipeline = proxy-server\n[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n")
client.close()
InternalClient(client.name, "cloudimg", 1).create_container("AUTH_test", bucket)

print(sockets["proxy"].getsockname()[1], flush=True)
eventlet.tpool.execute(sys.stdin.read)
os._exit(0)
