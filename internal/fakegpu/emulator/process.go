package emulator

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Process has memory and runs kernels. It isn't safe for concurrent use.
type Process struct {
	command *exec.Cmd
	to      *bufio.Writer
	in      io.Closer
	from    *bufio.Reader
	said    *tail
	dead    error
}

// Start starts a process in which a sanitizer watches kernels.
func Start(sanitizer Sanitizer) (*Process, error) {
	program, err := runner(sanitizer)
	if err != nil {
		return nil, err
	}
	p := &Process{command: exec.Command(program), said: &tail{}}
	p.command.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0", "TSAN_OPTIONS=halt_on_error=1:exitcode=66")
	p.command.Stderr = p.said
	in, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.to, p.from = in, bufio.NewWriter(in), bufio.NewReader(out)
	return p, p.command.Start()
}

// Close ends the process.
func (p *Process) Close() error {
	err := errors.Join(p.in.Close(), p.command.Wait())
	if p.dead != nil {
		return nil // already reported
	}
	return err
}

// Load loads a module's kernels.
func (p *Process) Load(module string) error {
	return p.ask('l', func() { p.block([]byte(module)) }, nil)
}

// Alloc allocates memory, aligned to 256 bytes.
func (p *Process) Alloc(bytes int64) (address uint64, err error) {
	err = p.ask('a', func() { p.number(uint64(bytes)) }, func() error {
		address, err = p.readNumber()
		return err
	})
	return address, err
}

// Free frees memory.
func (p *Process) Free(address uint64) error {
	return p.ask('f', func() { p.number(address) }, nil)
}

// Write copies bytes to an address.
func (p *Process) Write(address uint64, bytes []byte) error {
	return p.ask('w', func() { p.number(address); p.block(bytes) }, nil)
}

// Read copies bytes from an address.
func (p *Process) Read(bytes []byte, address uint64) error {
	return p.ask('r', func() { p.number(address); p.number(uint64(len(bytes))) }, func() error {
		n, err := p.readNumber()
		if err == nil && n != uint64(len(bytes)) {
			err = fmt.Errorf("emulator: got %d bytes instead of %d", n, len(bytes))
		}
		if err == nil {
			_, err = io.ReadFull(p.from, bytes)
		}
		return err
	})
}

// How is how a kernel is run: a combination of these.
type How int

// The ways to run a kernel; all are possible on some device.
const (
	Backwards How = 1 << iota // last block and last thread first
	Flushing                  // subnormal floats are 0, as operands and as results
)

// Launch runs a unit's kernel on a grid of blocks of threads, in up to three dimensions,
// with its parameters' values as bytes. After a crash or a sanitizer's report, the
// process is dead.
func (p *Process) Launch(name string, grid, block []int, parameters [][]byte, how How) error {
	return p.ask('x', func() {
		p.block([]byte(name))
		for _, size := range [][]int{grid, block} {
			for d := range 3 {
				n := 1
				if d < len(size) {
					n = size[d]
				}
				p.number(uint64(n))
			}
		}
		p.number(uint64(how))
		p.number(uint64(len(parameters)))
		for _, v := range parameters {
			p.block(v)
		}
	}, nil)
}

// ask sends a request and reads the answer.
func (p *Process) ask(request byte, send func(), receive func() error) error {
	if p.dead != nil {
		return p.dead
	}
	_ = p.to.WriteByte(request) // errors are reported by Flush
	send()
	problem, err := "", p.to.Flush()
	if err == nil {
		problem, err = p.readText()
	}
	if err == nil && receive != nil {
		err = receive()
	}
	if err != nil {
		p.dead = fmt.Errorf("emulator: the kernel ended its process (%v): %s", p.state(), p.said.text())
		return p.dead
	}
	if problem != "" {
		return errors.New("emulator: " + problem)
	}
	return nil
}

// state waits for a process that has ended, and returns how.
func (p *Process) state() error {
	gone := make(chan error, 1)
	go func() { gone <- p.command.Wait() }()
	select {
	case err := <-gone:
		return err
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("it doesn't answer"), p.command.Process.Kill())
	}
}

func (p *Process) number(v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	_, _ = p.to.Write(b[:])
}

func (p *Process) block(b []byte) {
	p.number(uint64(len(b)))
	_, _ = p.to.Write(b)
}

func (p *Process) readNumber() (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(p.from, b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

func (p *Process) readText() (string, error) {
	n, err := p.readNumber()
	if err != nil {
		return "", err
	}
	if n > 1<<16 {
		return "", fmt.Errorf("emulator: a message of %d bytes", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(p.from, b)
	return string(b), err
}

// tail keeps a process's output since it last named a kernel.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const most = 64 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	if len(t.last) > 2*most {
		t.last = append([]byte(nil), t.last[len(t.last)-most:]...)
	}
	return len(b), nil
}

// text is the name of the last kernel and the output after it.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(t.last)
	// Each kernel's name is on its own line; a report is everything from the last name
	// on.
	lines := strings.Split(strings.TrimSpace(text), "\n")
	start := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "kernel ") {
			start = i
		}
	}
	return strings.Join(lines[start:], "\n")
}
