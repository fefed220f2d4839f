// Package files opens files to read, and nothing that only looks like one: a named
// pipe would wait for a writer, a terminal for its user, and a device never end.
//
// It writes files with care: each is replaced as a whole or not at all, whatever
// fails on the way. What is confined to a folder stays in it, whatever links lead
// out, also if one is put there in the meantime; and a folder can be locked against a
// second process. Every operation of writing can be made to fail: see [Fault].
package files

// Op is an operation on a file, as a [Fault] is told of it.
type Op string

// The operations that writing takes, in their order.
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

// Fault is asked before every operation on a file of a folder, and makes it fail
// by an error. A file that fails to close is closed nevertheless, as systems do
// it. For tests.
type Fault func(op Op, name string) error

// check asks the fault, if there is one.
func (f Fault) check(op Op, name string) error {
	if f == nil {
		return nil
	}
	return f(op, name)
}
