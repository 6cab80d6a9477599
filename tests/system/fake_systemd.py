"""A D-Bus service that answers as systemd does (org.freedesktop.systemd1), for the units of a JSON file.

fake_systemd.py UNITS.json: the bus is DBUS_SYSTEM_BUS_ADDRESS; the file is read anew at every question. Each unit is
{"name": {"state": "active", "sub": "running", "load": "loaded", "result": "success", "since_us": 0, "status": 0, "restarts": 0}}.
With "silent": true at the top, no question is answered.
"""
import fnmatch, json, sys
import dbus, dbus.service, dbus.mainloop.glib
from gi.repository import GLib

MANAGER = '/org/freedesktop/systemd1'


def units():
    with open(sys.argv[1]) as file:
        return json.load(file)


def decoded(label):
    out, i = bytearray(), 0
    while i < len(label):
        if label[i] == '_':
            out.append(int(label[i + 1:i + 3], 16))
            i += 3
        else:
            out.append(ord(label[i]))
            i += 1
    return out.decode()


class Manager(dbus.service.Object):
    @dbus.service.method('org.freedesktop.systemd1.Manager', in_signature='asas', out_signature='a(ssssssouso)', async_callbacks=('done', 'failed'))
    def ListUnitsByPatterns(self, states, patterns, done, failed):
        all = units()
        if all.pop('silent', False):
            return
        done([(name, name, unit.get('load', 'loaded'), unit['state'], unit.get('sub', ''), '', dbus.ObjectPath(MANAGER), dbus.UInt32(0), '', dbus.ObjectPath('/'))
              for name, unit in all.items() if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)])


class Units(dbus.service.FallbackObject):
    @dbus.service.method('org.freedesktop.DBus.Properties', in_signature='s', out_signature='a{sv}', path_keyword='path', async_callbacks=('done', 'failed'))
    def GetAll(self, interface, path, done, failed):
        all = units()
        if all.pop('silent', False):
            return
        unit = all.get(decoded(path.rsplit('/', 1)[1]), {'load': 'not-found', 'state': 'inactive', 'sub': 'dead'})
        done({
            'Id': 'whatever', 'Wants': dbus.Array(['a', 'b'], signature='s'), 'LoadState': unit.get('load', 'loaded'), 'ActiveState': unit['state'],
            'SubState': unit.get('sub', ''), 'Result': unit.get('result', 'success'), 'StateChangeTimestamp': dbus.UInt64(unit.get('since_us', 0)),
            'ExecMainStatus': dbus.Int32(unit.get('status', 0)), 'NRestarts': dbus.UInt32(unit.get('restarts', 0)),
        })


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
name = dbus.service.BusName('org.freedesktop.systemd1', bus)
Manager(bus, MANAGER)
Units(bus, MANAGER + '/unit')
print('ready', flush=True)
GLib.MainLoop().run()
