"""An RTSP server that is not Wardline's: GStreamer's, serving files once to each client.

usage: gst_rtsp_server.py PORT USER PASSWORD NAME=CODEC=FILE...
PORT 0 takes any free port. USER empty: no password. CODEC: h264, h265, h264+aac or h265+aac.
Prints "port N" when it listens. Every client gets media of its own, from the start.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

Gst.init(None)
port, user, password = sys.argv[1:4]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
if user:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(2)  # Digest
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_digest(user, password, token)
    server.set_auth(auth)

for argument in sys.argv[4:]:
    name, codec, path = argument.split("=", 2)
    video, _, audio = codec.partition("+")
    launch = (
        f'filesrc location="{path}" ! qtdemux name=demux '
        f"demux.video_0 ! queue ! {video}parse ! rtp{video}pay name=pay0 pt=96 config-interval=-1"
    )
    if audio:
        launch += " demux.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97"
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {launch} )")
    factory.set_shared(False)
    if user:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(f"/{name}", factory)

server.attach(None)
print("port", server.get_bound_port(), flush=True)
GLib.MainLoop().run()
