package decode

import (
	"bytes"
	"encoding/binary"
)

// jpegParts finds the Exif data of a JPEG file, nil if it has none, and counts its scans,
// up to one more than are allowed.
func jpegParts(content []byte) (exif []byte, scans int) {
	const (
		soi, eoi, sos, app1 = 0xd8, 0xd9, 0xda, 0xe1
		rst0, rst7          = 0xd0, 0xd7
	)
	for rest := content; scans <= maxScans; {
		// A marker is 0xff and a byte that is neither 0 nor a fill byte. Within a scan,
		// anything before the next marker is pixels.
		at := bytes.IndexByte(rest, 0xff)
		if at < 0 || at+1 >= len(rest) {
			return exif, scans
		}
		marker := rest[at+1]
		if marker == 0xff {
			rest = rest[at+1:]
			continue
		}
		rest = rest[at+2:]
		switch {
		case marker == 0 || marker == 1 || marker == soi || rst0 <= marker && marker <= rst7:
			continue
		case marker == eoi || len(rest) < 2:
			return exif, scans
		}
		size := int(binary.BigEndian.Uint16(rest))
		if size < 2 || size > len(rest) {
			return exif, scans
		}
		if body, ok := bytes.CutPrefix(rest[2:size], []byte("Exif\x00\x00")); ok && marker == app1 && exif == nil {
			exif = body
		}
		if marker == sos {
			scans++
		}
		rest = rest[size:]
	}
	return exif, scans
}

// pngExif finds the Exif data of a PNG file; nil if it has none.
func pngExif(content []byte) []byte {
	const head, foot = 8, 4 // length and name before a chunk's data, a checksum after it
	rest := content[min(8, len(content)):]
	for len(rest) >= head {
		size := int64(binary.BigEndian.Uint32(rest))
		if size > int64(len(rest)-head-foot) {
			return nil
		}
		if string(rest[4:8]) == "eXIf" {
			return rest[head : head+size]
		}
		rest = rest[head+size+foot:]
	}
	return nil
}

// orientation finds the orientation, from 1 to 8, in Exif data: the tag 0x0112 of its first
// directory. Data without it, or in which it can't be found, says nothing: 1. So does 0,
// which some cameras write.
func orientation(exif []byte) int {
	const (
		tag       = 0x0112
		short     = 3
		long      = 4
		entrySize = 12
	)
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(exif, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(exif, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 1
	}
	if len(exif) < 8 {
		return 1
	}
	at := int64(order.Uint32(exif[4:]))
	if at+2 > int64(len(exif)) {
		return 1
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < entrySize {
			return 1
		}
		if order.Uint16(entries) == tag {
			value := uint32(0)
			if count := order.Uint32(entries[4:]); count == 1 {
				switch order.Uint16(entries[2:]) {
				case short:
					value = uint32(order.Uint16(entries[8:]))
				case long:
					value = order.Uint32(entries[8:])
				}
			}
			if 1 <= value && value <= 8 {
				return int(value)
			}
			return 1
		}
		entries = entries[entrySize:]
	}
	return 1
}
