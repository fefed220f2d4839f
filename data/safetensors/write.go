package safetensors

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// Write writes tensors to a file atomically: whatever happens, the file has either
// its old or its new content. The bytes are written to a temporary file in the same
// folder, synced, and renamed. On failure nothing is left behind. Links are followed;
// anything but a regular file (a folder, a device) is rejected.
//
// The same tensors give the same bytes: tensors are sorted by dtype, wider dtypes
// first, so that every tensor is aligned to its elements, and then by name. The data
// begins at a multiple of 8. The metadata contains {"format": "pt"}, which PyTorch
// needs to load the file, and checksums, which are verified when it is read.
func Write(path string, tensors map[string]*ir.Tensor) error {
	return WriteWith(path, tensors, nil)
}

// WriteWith is Write with additional metadata for the header.
func WriteWith(path string, tensors map[string]*ir.Tensor, metadata map[string]string) error {
	return write(path, tensors, metadata, func(content func(io.Writer) error) error {
		return files.Replace(path, nil, content)
	})
}

// WriteIn is WriteWith for a file in an open folder. A link of that name is replaced,
// not followed.
func WriteIn(folder *files.Folder, name string, tensors map[string]*ir.Tensor, metadata map[string]string) error {
	return write(folder.Path(name), tensors, metadata, func(content func(io.Writer) error) error {
		return folder.Replace(name, content)
	})
}

// write encodes tensors and passes the file to replace. path is for messages.
func write(path string, tensors map[string]*ir.Tensor, metadata map[string]string, replace func(func(io.Writer) error) error) error {
	header, order, err := encodeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	size := len(header)
	for _, name := range order {
		size = min(ir.AddSize(size, len(tensors[name].Data)), 1<<20)
	}
	err = replace(func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, size) // a small model's checkpoints cost what they write
		buffered.Write(header)                   // Flush returns its error again
		for _, name := range order {
			buffered.Write(tensors[name].Data)
		}
		return buffered.Flush()
	})
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// Stream is a tensor whose data is in a file, or elsewhere that can be read twice.
type Stream struct {
	Type ir.Type
	Data io.ReadSeeker // exactly the tensor's bytes
}

// WriteStreams writes a safetensors file like that of [Write] with data that needn't be
// in memory.
func WriteStreams(w io.Writer, streams map[string]Stream) error {
	types := map[string]ir.Type{}
	for name, s := range streams {
		types[name] = s.Type
	}
	order, err := orderOf(types)
	if err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	each := func(to io.Writer) error {
		for _, name := range order {
			s := streams[name]
			if _, err := s.Data.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("tensor %q: %w", name, err)
			}
			switch n, err := io.Copy(to, s.Data); {
			case err != nil:
				return fmt.Errorf("tensor %q: %w", name, err)
			case n != int64(s.Type.Bytes()):
				return fmt.Errorf("tensor %q: %s needs %d bytes, but has %d", name, s.Type, s.Type.Bytes(), n)
			}
		}
		return nil
	}
	if err := each(sum); err != nil {
		return err
	}
	header, err := headerOf(order, types, sum.Sum32(), nil)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	return each(w)
}

// encodeHeader returns a file's first bytes, up to the data, and the order of its
// tensors.
func encodeHeader(tensors map[string]*ir.Tensor, metadata map[string]string) (header []byte, order []string, err error) {
	types := map[string]ir.Type{}
	for name, t := range tensors {
		types[name] = t.Type
	}
	if order, err = orderOf(types); err != nil {
		return nil, nil, err
	}
	for _, name := range order {
		if t := tensors[name]; len(t.Data) != t.Type.Bytes() {
			return nil, nil, fmt.Errorf("tensor %q: %s needs %d bytes, but has %d", name, t.Type, t.Type.Bytes(), len(t.Data))
		}
	}
	header, err = headerOf(order, types, dataChecksum(tensors, order), metadata)
	return header, order, err
}

// orderOf checks tensors' names and types, and gives their order in a file.
func orderOf(types map[string]ir.Type) ([]string, error) {
	order := slices.SortedFunc(maps.Keys(types), func(a, b string) int {
		return cmp.Or(cmp.Compare(types[b].DType.Size(), types[a].DType.Size()), cmp.Compare(a, b))
	})
	for _, name := range order {
		if err := checkTensor(name, types[name]); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	return order, nil
}

// headerOf encodes a header for data with a checksum.
func headerOf(order []string, types map[string]ir.Type, data uint32, metadata map[string]string) (header []byte, err error) {
	sums := fmt.Sprintf(checksumText, 0, data)
	text := map[string]string{"format": "pt"}
	maps.Copy(text, metadata)
	text[checksumKey] = sums
	encoded, err := json.Marshal(text) // sorted by key
	if err != nil {
		return nil, err
	}
	header = append(append(make([]byte, 8), `{"__metadata__":`...), encoded...)
	at := 0
	for _, name := range order {
		t := types[name]
		header = append(header, ',')
		header = append(header, quote(name)...)
		header = fmt.Appendf(header, `:{"dtype":"%s","shape":[`, formatNames[t.DType])
		for i, dim := range t.Shape {
			if i > 0 {
				header = append(header, ',')
			}
			header = strconv.AppendInt(header, int64(dim), 10)
		}
		header = fmt.Appendf(header, `],"data_offsets":[%d,%d]}`, at, at+t.Bytes())
		at += t.Bytes()
	}
	header = append(header, '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	length := len(header) - 8
	if length > maxHeader {
		return nil, fmt.Errorf("%d tensors need a header of %d bytes; the limit is %d", len(order), length, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(length))
	seal(header, sums)
	return header, nil
}

// formatNames are the format's names for our dtypes.
var formatNames = func() map[ir.DType]string {
	names := make(map[ir.DType]string, len(dtypes))
	for name, d := range dtypes {
		names[d] = name
	}
	return names
}()

func checkTensor(name string, t ir.Type) error {
	switch {
	case name == metadataKey:
		return fmt.Errorf("the format reserves this name")
	case !utf8.ValidString(name):
		return fmt.Errorf("the name is not UTF-8")
	case formatNames[t.DType] == "":
		return fmt.Errorf("its dtype is %s", t.DType)
	}
	return ir.CheckShape(t.DType, t.Shape)
}

func quote(s string) []byte {
	quoted, _ := json.Marshal(s) // can't fail for a string
	return quoted
}
