# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual USB UPS: what it says on its control pipe and its interrupt pipe, and faults of every kind.

The model (`device`) knows neither time nor the machine.  A bench carries its answers to drivers:
`umockdev_host` stands in for the kernel's usbfs and hidraw.
"""
