package weights

import (
	"io"
)

// explained is the error for what can't be opened (the file is nil) or isn't a safetensors
// file, with what it is instead.
func explained(_ string, _ io.ReaderAt, err error) error { return err }
