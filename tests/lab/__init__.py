"""The lab: a whole cycle over a real Slurm whose nodes have an OpenSSH server and a Redfish BMC each, with faults.

It lives with the tests because the BMCs, and what runs on the hosts, are emulators; they are not part of the product.
"""
