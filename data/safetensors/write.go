package safetensors

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
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
	err = replace(func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		buffered.Write(header) // Flush returns its error again
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

// encodeHeader returns a file's first bytes, up to the data, and the order of its
// tensors.
func encodeHeader(tensors map[string]*ir.Tensor, metadata map[string]string) (header []byte, order []string, err error) {
	order = slices.SortedFunc(maps.Keys(tensors), func(a, b string) int {
		x, y := tensors[a].Type.DType, tensors[b].Type.DType
		return cmp.Or(cmp.Compare(y.Size(), x.Size()), cmp.Compare(a, b))
	})
	for _, name := range order {
		if err := checkTensor(name, tensors[name]); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	sums := fmt.Sprintf(checksumText, 0, dataChecksum(tensors, order))
	text := map[string]string{"format": "pt"}
	maps.Copy(text, metadata)
	text[checksumKey] = sums
	encoded, err := json.Marshal(text) // sorted by key
	if err != nil {
		return nil, nil, err
	}
	header = append(append(make([]byte, 8), `{"__metadata__":`...), encoded...)
	at := 0
	for _, name := range order {
		t := tensors[name]
		header = append(header, ',')
		header = append(header, quote(name)...)
		header = fmt.Appendf(header, `:{"dtype":"%s","shape":[`, formatNames[t.Type.DType])
		for i, dim := range t.Type.Shape {
			if i > 0 {
				header = append(header, ',')
			}
			header = strconv.AppendInt(header, int64(dim), 10)
		}
		header = fmt.Appendf(header, `],"data_offsets":[%d,%d]}`, at, at+len(t.Data))
		at += len(t.Data)
	}
	header = append(header, '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	length := len(header) - 8
	if length > maxHeader {
		return nil, nil, fmt.Errorf("%d tensors need a header of %d bytes; the limit is %d", len(order), length, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(length))
	seal(header, sums)
	return header, order, nil
}

// formatNames are the format's names for our dtypes.
var formatNames = func() map[ir.DType]string {
	names := make(map[ir.DType]string, len(dtypes))
	for name, d := range dtypes {
		names[d] = name
	}
	return names
}()

func checkTensor(name string, t *ir.Tensor) error {
	switch {
	case name == metadataKey:
		return fmt.Errorf("the format reserves this name")
	case !utf8.ValidString(name):
		return fmt.Errorf("the name is not UTF-8")
	case formatNames[t.Type.DType] == "":
		return fmt.Errorf("its dtype is %s", t.Type.DType)
	}
	if err := ir.CheckShape(t.Type.DType, t.Type.Shape); err != nil {
		return err
	}
	if len(t.Data) != t.Type.Bytes() {
		return fmt.Errorf("%s needs %d bytes, but has %d", t.Type, t.Type.Bytes(), len(t.Data))
	}
	return nil
}

func quote(s string) []byte {
	quoted, _ := json.Marshal(s) // can't fail for a string
	return quoted
}
