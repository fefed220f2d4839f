// Package files opens regular files for reading and refuses everything else: a named
// pipe would wait for a writer, a terminal for its user, and a device might never end.
//
// It replaces files atomically, whatever fails on the way. Access confined to a folder
// can't escape through links, even if one is created concurrently. A folder can be
// locked against a second process. Tests can make every write operation fail: see
// [Fault].
package files

// Op is an operation on a file, as passed to a [Fault].
type Op string

// The operations of writing a file, in their order.
const (
	OpLock       Op = "lock"
	OpCreate     Op = "create"
	OpWrite      Op = "write"
	OpChmod      Op = "chmod"
	OpSync       Op = "sync"
	OpClose      Op = "close"
	OpRename     Op = "rename"
	OpSyncFolder Op = "sync folder"
	OpRemove     Op = "remove"
)

// Fault is called before every operation on a file of a folder; an error that it
// returns makes the operation fail. A file that fails to close is closed nevertheless,
// as operating systems do. For tests.
type Fault func(op Op, name string) error

// check calls the fault, if there is one.
func (f Fault) check(op Op, name string) error {
	if f == nil {
		return nil
	}
	return f(op, name)
}
