"""What cloud-init does for the same: its program is loaded, the drive's files read, the network's configuration written as /etc/network/interfaces."""

import sys

from cloudinit.cmd import main
from cloudinit.net import eni, network_state
from cloudinit.sources import DataSourceConfigDrive
from cloudinit.sources.helpers import openstack

source, target, *macs = sys.argv[1:]
assert main.main_init
results = DataSourceConfigDrive.read_config_drive(source)
known = {mac: f"eth{index}" for index, mac in enumerate(macs)}
config = openstack.convert_net_json(results["networkdata"], known_macs=known)
eni.Renderer({}).render_network_state(network_state.parse_net_config_data(config), target=target)
