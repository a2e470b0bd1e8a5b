"""Knocks at addresses: TCP ports, SIP and RTP over UDP, ping. Prints what answered.

python knocking.py ADDRESS,... PORT,...
"""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

#: What does not answer in this time was dropped.
SILENCE_SECONDS = 2.0


def tcp(address: str, port: int) -> str | None:
    with socket.socket() as line:
        line.settimeout(SILENCE_SECONDS)
        try:
            line.connect((address, port))
        except ConnectionRefusedError:
            return f"{address} refuses TCP {port}, so it is there"
        except OSError:
            return None
    return f"{address} takes TCP {port}"


def udp(address: str, port: int) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(SILENCE_SECONDS)
        try:
            line.connect((address, port))
            line.send(
                b"OPTIONS sip:box SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.3.2:5060;branch=z9hG4bKx\r\n"
                b"Max-Forwards: 70\r\n"
                b"From: <sip:x@10.77.3.2>;tag=1\r\nTo: <sip:box>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
                b"Content-Length: 0\r\n\r\n"
            )
            line.recv(2048)
        except ConnectionRefusedError:
            return f"{address} refuses UDP {port}, so it is there"
        except OSError:
            return None
    return f"{address} answers UDP {port}"


def ping(address: str) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as line:
        line.settimeout(SILENCE_SECONDS)
        # Echo request, code 0, its checksum, number 1, sequence 1.
        line.sendto(bytes.fromhex("0800f7fd00010001"), (address, 0))
        try:
            while True:
                data, (source, _) = line.recvfrom(2048)
                if source == address and data[20] == 0:
                    return f"{address} answers ping"
        except OSError:
            return None


def main() -> None:
    addresses, ports = sys.argv[1].split(","), [int(port) for port in sys.argv[2].split(",")]
    with ThreadPoolExecutor(32) as pool:
        asked = [pool.submit(tcp, address, port) for address in addresses for port in ports]
        asked += [pool.submit(udp, address, port) for address in addresses for port in ports]
        asked += [pool.submit(ping, address) for address in addresses]
        for one in asked:
            answer = one.result()
            if answer:
                print(answer)


if __name__ == "__main__":
    main()
