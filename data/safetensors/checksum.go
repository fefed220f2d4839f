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

// Every file that flowrun writes has two checksums in its metadata: one of the
// header, computed with its own digits set to zero, and one of the data. They are
// CRC-32C, which detects every flipped bit and every burst of up to 32 bits, and is
// faster to compute than disks can read. They don't protect against deliberate
// changes. Files of other programs have no checksums and are read without.
const (
	checksumKey  = "flowrun.checksum"
	checksumText = "crc32c:%08x:%08x" // of the header and of the data
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	checksums  = regexp.MustCompile(`^crc32c:([0-9a-f]{8}):([0-9a-f]{8})$`)
)

// errDamaged ends every message about a checksum.
var errDamaged = errors.New("the file is corrupt (or was changed by another program that kept flowrun's metadata)")

// dataChecksum is the checksum of tensors in file order.
func dataChecksum(tensors map[string]*ir.Tensor, order []string) uint32 {
	var sum uint32
	for _, name := range order {
		sum = crc32.Update(sum, castagnoli, tensors[name].Data)
	}
	return sum
}

// seal writes the checksum of a header into it. text is the metadata value with both
// checksums, the header's as zeros.
func seal(header []byte, text string) {
	at := bytes.Index(header, quote(text))
	sum := fmt.Appendf(nil, "%08x", crc32.Checksum(header, castagnoli))
	copy(header[at+len(`"crc32c:`):], sum)
}

// checkHeader compares a header, preceded by its length, with its checksum, and stores
// the checksum of the data. A single flipped bit can't hide that a file has checksums,
// because either their key or their value is still intact.
func (h *header) checkHeader(prefix, text []byte) error {
	value, named := h.metadata[checksumKey]
	if !named {
		for key, v := range h.metadata {
			if checksums.MatchString(v) {
				return fmt.Errorf("its metadata contain a checksum under %q instead of %q: %w", key, checksumKey, errDamaged)
			}
		}
		return nil
	}
	sums := checksums.FindStringSubmatch(value)
	at := bytes.Index(text, quote(value))
	if sums == nil || at < 0 {
		return fmt.Errorf("its checksum %q is malformed: %w", value, errDamaged)
	}
	blank := bytes.Clone(text)
	copy(blank[at+len(`"crc32c:`):], "00000000")
	if got := crc32.Update(crc32.Checksum(prefix, castagnoli), castagnoli, blank); sums[1] != fmt.Sprintf("%08x", got) {
		return fmt.Errorf("the checksum of its header is %08x, expected %s: %w", got, sums[1], errDamaged)
	}
	sum, err := strconv.ParseUint(sums[2], 16, 32)
	h.checksum, h.checked = uint32(sum), true
	return err
}

// checkData compares the checksum of all data with the one in the header.
func (f *File) checkData(got uint32) error {
	if f.header.checked && got != f.header.checksum {
		return fmt.Errorf("%s: the checksum of its data is %08x, expected %08x: %w", f.path, got, f.header.checksum, errDamaged)
	}
	return nil
}

// Verify reads the whole file and compares it with its checksum. A file without
// checksums passes.
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
