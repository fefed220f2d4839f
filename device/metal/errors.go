package metal

import (
	"errors"
	"fmt"
	"slices"
)

// commandBufferErrors are the codes of MTLCommandBufferError.
var commandBufferErrors = map[int64]string{
	1:  "MTLCommandBufferErrorInternal",
	2:  "MTLCommandBufferErrorTimeout",
	3:  "MTLCommandBufferErrorPageFault",
	4:  "MTLCommandBufferErrorAccessRevoked",
	7:  "MTLCommandBufferErrorNotPermitted",
	8:  "MTLCommandBufferErrorOutOfMemory",
	9:  "MTLCommandBufferErrorInvalidResource",
	10: "MTLCommandBufferErrorMemoryless",
	11: "MTLCommandBufferErrorDeviceRemoved",
	12: "MTLCommandBufferErrorStackOverflow",
}

// losing are those after which a process can't use the device any more, by their
// documentation: access revoked, not permitted, device removed.
var losing = []int64{4, 7, 11}

// libraryErrors are the codes of MTLLibraryError.
var libraryErrors = map[int64]string{
	1: "MTLLibraryErrorUnsupported",
	2: "MTLLibraryErrorInternal",
	3: "MTLLibraryErrorCompileFailure",
	4: "MTLLibraryErrorCompileWarning",
	5: "MTLLibraryErrorFunctionNotFound",
	6: "MTLLibraryErrorFileNotFound",
}

// Error is a message that failed.
type Error struct {
	Message string // its selector, without a colon at the end: "newLibraryWithSource:options:error"
	Code    int64  // of the NSError; 0 if there is none
	Name    string // "MTLCommandBufferErrorTimeout"; "" if the code has none here
	Text    string // what the NSError says; may be empty
}

// Error gives the message's selector, and what the NSError says.
func (e *Error) Error() string {
	text := e.Message + ": "
	switch {
	case e.Name != "":
		text += fmt.Sprintf("%s (%d)", e.Name, e.Code)
	case e.Code != 0:
		text += fmt.Sprintf("error %d", e.Code)
	default:
		text += "it failed, and Metal gave no reason"
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// failed makes the error of a message that gave nothing, and perhaps an NSError.
func (l *library) failed(m message, reason object, names map[int64]string) error {
	e := &Error{Message: m.String()}
	if reason != 0 {
		e.Code = int64(l.send(reason, code))
		e.Name, e.Text = names[e.Code], l.text(object(l.send(reason, localizedDescription)))
	}
	return e
}

// loses reports whether the process can't use the device any more.
func loses(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Message == status.String() && slices.Contains(losing, e.Code)
}
