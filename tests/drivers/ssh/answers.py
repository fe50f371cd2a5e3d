"""Answers of real tools, as their documentation and users' reports show them."""

DPKG = "ii |1:3.3.5\n"
DPKG_REMOVED = "rc |1:3.3.5\n"
DPKG_HALF = "iF |1:3.3.5\n"
MODULE = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024
GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)
"""
OPEN_MODULE = """\
NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.161.08  Release Build  (dvs-builder@U16-I1-N08-12-1)
GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)
"""
FWUPD = """\
{
  "Devices" : [
    {
      "Name" : "Xeon Platinum 8480C",
      "DeviceId" : "4bde70ba4e39b28f9eab1628f9dd6e6244c03027",
      "Guid" : [ "b9a2dd81-159e-5537-a7db-e7101d164d3f" ],
      "Plugin" : "cpu",
      "Flags" : [ "internal" ],
      "Version" : "0x2b000461",
      "VersionFormat" : "hex"
    },
    {
      "Name" : "System Firmware",
      "DeviceId" : "f95c9218acd12697af946874bfe4239587209232",
      "Guid" : [ "6de5d951-d755-576b-bd09-c5cf66b27234", "230c8b18-8d9b-53ec-838b-6cfc0383493a" ],
      "Plugin" : "uefi_capsule",
      "Flags" : [ "internal", "updatable", "require-ac", "registered", "needs-reboot" ],
      "Version" : "1.32.0",
      "VersionFormat" : "triplet"
    }
  ]
}
"""
NVFWUPD = """\
System Model: GB200 NVL
Part number: 699-24764-0001-TS3
Serial number: 1330424060014
Packages: ['GB200Firmware_1.0']
Connection Status: Successful

Firmware Devices:
AP Name                                 Sys Version                     Pkg Version                     Up-To-Date
-------                                 -----------                     -----------                     ----------
FW_BMC_0                                GB200Nvl-24.10-9                GB200Nvl-24.10-9                Yes
FW_CPLD_0                               0.22                            N/A                             No
FW_ERoT_BMC_0                           01.04.0031.0000_n04             01.04.0031.0000_n04             Yes
HGX_FW_GPU_0                            97.00.82.00.18                  97.00.82.00.19                  No
HGX_InfoROM_GPU_0                       G548.0201.00.06                 N/A                             No
-----------------------------------------------------------------------------------------------------------------
Error Code: 0
"""
MLXFWMANAGER = """\
Querying Mellanox devices firmware ...

Device #1:
----------

  Device Type:      ConnectX6
  Part Number:      MCX653106A-HDA_Ax
  Description:      ConnectX-6 VPI adapter card; HDR IB (200Gb/s) and 200GbE; dual-port QSFP56
  PSID:             MT_0000000223
  PCI Device Name:  /dev/mst/mt4123_pciconf0
  Base GUID:        0c42a10300a1b2c4
  Base MAC:         0c42a1a1b2c4
  Versions:         Current        Available
     FW             20.28.1002     20.28.2006
     PXE            3.6.0102       3.6.0102
     UEFI           14.21.0017     14.21.0017

  Status:           Update required

Device #2:
----------

  Device Type:      ConnectX6
  Part Number:      MCX653106A-HDA_Ax
  Description:      ConnectX-6 VPI adapter card; HDR IB (200Gb/s) and 200GbE; dual-port QSFP56
  PSID:             MT_0000000223
  PCI Device Name:  /dev/mst/mt4123_pciconf1
  Base GUID:        0c42a10300a1b2d8
  Base MAC:         0c42a1a1b2d8
  Versions:         Current        Available
     FW             20.28.2006     20.28.2006
     PXE            3.6.0102       3.6.0102
     UEFI           14.21.0017     14.21.0017

  Status:           Up to date
"""
