# SPDX-License-Identifier: GPL-2.0-or-later
"""Twenty small definition files of odd shapes, such as people and programs write them."""

from __future__ import annotations

from typing import Final

ODD_DUMPS: Final[tuple[bytes, ...]] = (
    b"ups.status: OL\n",
    b"ups.status: OL",
    b"ups.status: OL\r\nups.model: Carriage Return\r\nups.load: 12\r\n",
    b"\n\n   \n\t\nups.status:\tOB\t DISCHRG \nbattery.charge:\t\t42\t\n",
    b"# DEVICE:COMMENT: a head\n#\n# ups.load: 99\nups.load: 1 # a remark\nups.id: 79<><>/\\\n",
    b"ups.status: OL CHRG OL CHRG\nups.status: OL BOOST\n",
    b"ups.load: 1\nups.load: 2\nups.load: 3\nUPS.LOAD: 4\n",
    b'ups.model: "In quotes  with blanks"\nups.mfr: a "b c" d\nups.serial: ""\n',
    b"ups.model: Unknown #BC1200     (1.650)\nups.serial: ################\n",
    b"ups.model: a=b\nups.id: =\nups.contacts: k = v\nups.mfr.date: ==x\n",
    b'ups.model: back\\\\slash \\"q\\" \\#1 \\= \\n\n',
    b"ups.model: first \\\nsecond\nups.serial: one\\\ntwo\n",
    b"ups.load 22\nbattery.charge 7.5\ninput.voltage.nominal 230\n",
    b"device.mfr: Dev Maker\ndevice.model: Dev Model\ndevice.type: pdu\ndevice.serial: 1\n",
    b"ups.mfr: U\nups.model: V\nups.serial: W\ndevice.mfr: X\ndevice.part: Y\ndevice.description: a b\n",
    b"driver.name: other\ndriver.version: 1\ndriver.parameter.port: x\ndriver.flag.y: enabled\nups.load: 1\n",
    b"outlet.10.desc: ten\noutlet.2.desc: two\noutlet.1.desc: one\noutlet.desc: all\noutlet-x.a_b: under\n",
    b"battery.voltage: 0013.60\nbattery.charge: 1000\nups.load: " + b"4" * 200 + b"\nups.temperature: -40\n",
    b"ups.status:\nups.load: 5\nups.test.result: a\x01b\x7fc\nups.id: x\x00y\n",
    b"z.z: last\na.a: first\nm.m: middle\nM.N: capital\nm.n.o: deep\nm.2: two\nm.10: ten\n",
)
