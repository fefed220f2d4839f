package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"strconv"

	"github.com/flowrun/flowrun/ir"
)

// Every file that flowrun writes has checksums in its metadata: of the header,
// with the digits of that checksum itself as zeros, and of the data. They are CRC-32C,
// which finds every flipped bit and every burst of up to 32, and which processors
// compute faster than disks read; that somebody changes a file on purpose is not
// what it is for. Files of other programs have none, and are read without.
const (
	checksumKey  = "flowrun.checksum"
	checksumText = "crc32c:%08x:%08x" // of the header and of the data
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	checksums  = regexp.MustCompile(`^crc32c:([0-9a-f]{8}):([0-9a-f]{8})$`)
)

// errDamaged is the end of every message about a checksum.
var errDamaged = errors.New("the file is damaged (or another program has changed it and kept flowrun's metadata)")

// dataChecksum is that of tensors in a file's order.
func dataChecksum(tensors map[string]*ir.Tensor, order []string) uint32 {
	var sum uint32
	for _, name := range order {
		sum = crc32.Update(sum, castagnoli, tensors[name].Data)
	}
	return sum
}

// seal enters the checksum of a header into it. text is the value that stands for
// both checksums, with zeros for the header's.
func seal(header []byte, text string) {
	at := bytes.Index(header, quote(text))
	sum := fmt.Appendf(nil, "%08x", crc32.Checksum(header, castagnoli))
	copy(header[at+len(`"crc32c:`):], sum)
}

// checkHeader compares a header, its length before it, with its checksum, and
// remembers that of the data. One flipped bit can't hide that a file has checksums:
// its key or its value are still what they were.
func (h *header) checkHeader(prefix, text []byte) error {
	value, named := h.metadata[checksumKey]
	if !named {
		for key, v := range h.metadata {
			if checksums.MatchString(v) {
				return fmt.Errorf("its metadata have a checksum as %q and not as %q: %w", key, checksumKey, errDamaged)
			}
		}
		return nil
	}
	sums := checksums.FindStringSubmatch(value)
	at := bytes.Index(text, quote(value))
	if sums == nil || at < 0 {
		return fmt.Errorf("its checksum is %q, which is none: %w", value, errDamaged)
	}
	blank := bytes.Clone(text)
	copy(blank[at+len(`"crc32c:`):], "00000000")
	if got := crc32.Update(crc32.Checksum(prefix, castagnoli), castagnoli, blank); sums[1] != fmt.Sprintf("%08x", got) {
		return fmt.Errorf("the checksum of its header is %08x, and %s was written: %w", got, sums[1], errDamaged)
	}
	sum, err := strconv.ParseUint(sums[2], 16, 32)
	h.checksum, h.checked = uint32(sum), true
	return err
}

// checkData compares the checksum of all data with the one that was written.
func (f *File) checkData(got uint32) error {
	if f.header.checked && got != f.header.checksum {
		return fmt.Errorf("%s: the checksum of its data is %08x, and %08x was written: %w", f.path, got, f.header.checksum, errDamaged)
	}
	return nil
}

// Verify reads the whole file and compares it with its checksum. A file that has
// none passes.
func (f *File) Verify() error {
	if !f.header.checked {
		return nil
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(f.file, f.header.data, f.size-f.header.data)); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return f.checkData(sum.Sum32())
}
