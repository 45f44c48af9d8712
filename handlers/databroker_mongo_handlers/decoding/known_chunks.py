"""Chunks of which it is known what they hold, to try decoders on: written by HDF5 2.0.0 with hdf5plugin 7.1.0.

They hold ``(numpy.arange(203) % 40 * 7).astype("<u2")``: bitshuffle in blocks of 64 elements, so that there are whole
blocks, a part of one, and 3 elements beyond; LZ4 in blocks of 300 bytes.
"""

from __future__ import annotations

from base64 import b85decode
from typing import Final

KNOWN_ITEMSIZE: Final = 2
KNOWN_BYTES: Final = b"".join((number % 40 * 7).to_bytes(2, "little") for number in range(203))
KNOWN_CHUNKS: Final = {
    "gzip": b85decode(
        "c-muNU}xZC5M_{IP-f6#Fl4Y`uxD^%@MQ>Lh-OG)$YdyBC}*f+Xl3YOn9MMXVIji`hV=~F81^z8VK~ijiQy*01BT}e?-;%^{9#~b"
        "<YE+LWEeG%3g!U-qW@dT"
    ),
    "zstd": b85decode(
        "D77#BV3q)t0ssO95+I;gbMxrBuIsw4>$<M%x~}6m%V^U$%V^U$OV;0pWeTr(%S%Q=J~}osE-EG>9vT)B4hjYWcDY+^7JIc;sZ(hb"
        "`gAgt0|5Zg(4>Ya"
    ),
    "LZ4": b85decode(
        "000000004&0003j00016|3Lr%2LKKL6#yInBLFG@F#tFKKLADmO#oB?TL5AJX#j8lcL06>g#e5IlK`3kp#Z1=uK>0Hy#T}j%K*{<"
        "*#O`G=K$^i^#J?;0|5#F5dlyD#83dl0LuUX003M6LDB%(0N?=U0PX<w0Q>+00SW;T0RR9801f~Z02}}#04e}605||Y07d{!08{{5"
        "0Ac`X0B`_z0Db_40E_^W0Ga@y0H^@30JZ?V0K@>x08jt|Pyh!24gd"
    ),
    "blosc": b85decode(
        "0s$ccmH_|&mH_|&XaE2J6aWAKGXMYp{}})W4iy|DDls@eMom;(Vrg)9eua#anxUw#w!Os5(%InW?)Cfw3K1v(i%<#?00#~k0000V"
        "0096IZvg=T0000h01po+0A^4D0RR91"
    ),
    "bitshuffle/LZ4": b85decode(
        "000000004&0001h0000-6RH6K6J`Mb6CMEo@E%mFRI5}}t5ldXXUv$GGiTt#hYug%!-oL;2k;*N{09I4`2QaO0Qdj^007_x01pBH"
        "A5Z`Q00000002c3ssR8KW&r>b9svOG7OPZLt5mC0RLq!|GiS`0m=7P|!-o$a;P4*+{0HzK0RJBV0Qdy}GvELK1pp5M03A>O00000"
        "0000)6RH6K6J`Mb6CMEo{~oJUt5j60RI4**%$S%nXUxNg4<F#ehY$P*@E-vD2k-#+{~rJV`2PR^0N?-t03%QU000000000I@Byl3"
        "9#ohgA0OZV00000000002LKKL"
    ),
    "bitshuffle/zstd": b85decode(
        "000000004&0001h0000+D77#BAb{-w03-vds%9Qkt5mC0RI5~&GiS`0m@{YK!-o$a;KPRi{0HzK0Q?640QmnO008&^0002s00a;K"
        "{wYq}#jpSX07fXaFa02Z?EwJ90;;NJ9;;MTt5mC0RLq!|GiS`0m=7P|!-o$a;P4*+{0HzK0RJBV0Qlel00sa82LK;MSr6O+$1u<a"
        "0000*D77#BAb{lo02BkNs%9RmRI5}}t5mBqXUv$GGiS`hhYug%!-o(22k;*N{0Hy=`2QaO0Qmm^007_s1P}m)ELrj$umAu687Q?c"
        "{U8v50063H9#ohgA0OZV00000000002LKKL"
    ),
    "bitshuffle": b85decode(
        "s;a80s;a80W@ct)W@ct)9v&VZ9v&VZRI600R8*@}m@{Y0n3ywX;KPRxAK=4>0Q?8=9{~IZ008*^9{>RO00000-~a#s0000000000"
        "000000000000000000000000000000000000000000000000000000000000s;a80s;a80W@ct)W@ct)9v&VZ9v&VZt5j60RI5}}"
        "%$S%nXUv$G4<F#ehYug%@E-vD2k;*N{~rJV`2QaO0N?-s007_s00000000000000000000000000000000000000000000000000"
        "00000000000000000000s;a80s;a80W@ct)W@ct)9v&VZ9v&VZt5mC0RI600GiS`0m@{Y0!-o$a;KPRx{0HzK0Q?8=0QmnO008*^"
        "0002s000000000000000000000000000000000000000000000000000000000000000000000000000s%9Qkm>(Y>-~a#s00000"
        "000L74gd"
    ),
}
