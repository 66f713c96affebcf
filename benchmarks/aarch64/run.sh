#!/bin/sh
# The jail on aarch64: its tests inside an emulated machine with Debian's own arm64 kernel, Python and bubblewrap.
#
#     sh benchmarks/aarch64/run.sh [FOLDER]        # as root on Debian; FOLDER holds the system (default: a new one)
#
# Needs: apt-get install qemu-system-arm ipxe-qemu debootstrap cpio, `dpkg --add-architecture arm64 && apt-get update`,
# and a Debian mirror. Takes 4 minutes to prepare and eight minutes to run: emulation is about twenty times slower than a
# processor, so every program in the jail gets eight times the time (patient.py). Prints what the tests say; ends with 1
# where they fail.
set -eu
project=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder" && cd "$folder"

if [ ! -d kernel ]; then
    debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=python3,python3-pytest,bubblewrap,busybox,gcc,libc6-dev bookworm root http://deb.debian.org/debian
    for package in root/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" root; done
    rm -rf root/debootstrap root/var/cache/apt root/var/lib/apt root/usr/share/doc root/usr/share/man root/usr/share/locale
    mkdir -p root/mnt root/tmp
    cp /etc/passwd /etc/group root/etc/
    image=$(apt-cache depends linux-image-arm64:arm64 | sed -n 's/ *Depends: //p')
    apt-get download "$image"
    dpkg-deb -x linux-image-*.deb kernel
fi

rm -rf root/work && mkdir root/work
cp -r "$project/aha" "$project/tests" "$project/benchmarks" "$project/pyproject.toml" root/work/
rm -rf root/work/aha/models/tiny root/work/aha/models/students root/work/aha/serve/page
cp "$project/benchmarks/aarch64/init" root/init
chmod +x root/init
(cd root && find . | cpio -o -H newc --quiet) | gzip -1 > system.gz

qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -smp 2 -m 6144 -nographic -no-reboot \
    -kernel kernel/boot/vmlinuz-* -initrd system.gz -append "console=ttyAMA0 rdinit=/init panic=-1 quiet" | tee log
grep -q "the jail's tests ended with 0" log
