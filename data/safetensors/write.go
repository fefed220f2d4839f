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

// Write writes tensors to a file, which then has either its old content or the
// new one, whole, whatever happens meanwhile: the bytes go to a temporary file
// in the same folder, are synced, and take the file's name last. On failure
// nothing is left behind. A link is followed; what is not a regular file (a
// folder, a device) is refused.
//
// The same tensors give the same bytes: wider dtypes first, so that every
// tensor is aligned to its elements, and by name among equals. The data begins
// at a multiple of 8. The metadata says {"format": "pt"}, which PyTorch's users
// need to load it, and has checksums, which are compared when it is read.
func Write(path string, tensors map[string]*ir.Tensor) error {
	return WriteWith(path, tensors, nil)
}

// WriteWith is Write with free text for the header's metadata, beside "format".
func WriteWith(path string, tensors map[string]*ir.Tensor, metadata map[string]string) error {
	return write(path, tensors, metadata, func(content func(io.Writer) error) error {
		return files.Replace(path, nil, content)
	})
}

// WriteIn is WriteWith for a file in an open folder, where a link of that name is
// replaced and not followed.
func WriteIn(folder *files.Folder, name string, tensors map[string]*ir.Tensor, metadata map[string]string) error {
	return write(folder.Path(name), tensors, metadata, func(content func(io.Writer) error) error {
		return folder.Replace(name, content)
	})
}

// write encodes tensors and hands their file to replace. path is for messages.
func write(path string, tensors map[string]*ir.Tensor, metadata map[string]string, replace func(func(io.Writer) error) error) error {
	header, order, err := encodeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	err = replace(func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		buffered.Write(header) // its error comes again from Flush
		for _, name := range order {
			buffered.Write(tensors[name].Data)
		}
		return buffered.Flush()
	})
	if err != nil {
		return fmt.Errorf("%s was not written: %w", path, err)
	}
	return nil
}

// encodeHeader gives a file's first bytes, up to the data, and the order of the
// tensors in it.
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
	encoded, err := json.Marshal(text) // by key
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
		return nil, nil, fmt.Errorf("%d tensors need a header of %d bytes; at most %d can be read back", len(order), length, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(length))
	seal(header, sums)
	return header, order, nil
}

// formatNames are the format's names of our dtypes.
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
		return fmt.Errorf("the format keeps this name for itself")
	case !utf8.ValidString(name):
		return fmt.Errorf("the name is not UTF-8")
	case formatNames[t.Type.DType] == "":
		return fmt.Errorf("its dtype is %s", t.Type.DType)
	}
	if err := ir.CheckShape(t.Type.DType, t.Type.Shape); err != nil {
		return err
	}
	if len(t.Data) != t.Type.Bytes() {
		return fmt.Errorf("it is %s, %d bytes, but holds %d", t.Type, t.Type.Bytes(), len(t.Data))
	}
	return nil
}

func quote(s string) []byte {
	quoted, _ := json.Marshal(s) // a string can't fail
	return quoted
}
