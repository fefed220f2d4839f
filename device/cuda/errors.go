package cuda

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// The codes that the package looks at.
const (
	errorInvalidValue       = 1
	errorOutOfMemory        = 2
	errorNoDevice           = 100
	errorGraphUpdateFailure = 910
)

// losing are the codes after which a process can't use the device any more.
var losing = []int32{
	214, // CUDA_ERROR_ECC_UNCORRECTABLE
	220, // CUDA_ERROR_NVLINK_UNCORRECTABLE
	700, // CUDA_ERROR_ILLEGAL_ADDRESS
	702, // CUDA_ERROR_LAUNCH_TIMEOUT
	709, // CUDA_ERROR_CONTEXT_IS_DESTROYED
	710, // CUDA_ERROR_ASSERT
	714, // CUDA_ERROR_HARDWARE_STACK_ERROR
	715, // CUDA_ERROR_ILLEGAL_INSTRUCTION
	716, // CUDA_ERROR_MISALIGNED_ADDRESS
	717, // CUDA_ERROR_INVALID_ADDRESS_SPACE
	718, // CUDA_ERROR_INVALID_PC
	719, // CUDA_ERROR_LAUNCH_FAILED
	721, // CUDA_ERROR_CONTAINED
}

// compilerErrors are NVRTC's codes.
var compilerErrors = map[int32]string{
	1:  "NVRTC_ERROR_OUT_OF_MEMORY",
	2:  "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
	3:  "NVRTC_ERROR_INVALID_INPUT",
	4:  "NVRTC_ERROR_INVALID_PROGRAM",
	5:  "NVRTC_ERROR_INVALID_OPTION",
	6:  "NVRTC_ERROR_COMPILATION",
	7:  "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE",
	8:  "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION",
	9:  "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION",
	10: "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID",
	11: "NVRTC_ERROR_INTERNAL_ERROR",
	12: "NVRTC_ERROR_TIME_FILE_WRITE_FAILED",
}

// Error is a call that failed.
type Error struct {
	Function string // "cuLaunchKernel"
	Code     int32
	Name     string // "CUDA_ERROR_INVALID_VALUE"; "" if neither library has one
	Text     string // "invalid argument"; may be empty
}

// Error gives the function's and the code's names.
func (e *Error) Error() string {
	name := e.Name
	if name == "" {
		name = "an error without a name"
	}
	text := fmt.Sprintf("%s: %s (%d)", e.Function, name, e.Code)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// failure makes the error of a call.
func (l *library) failure(f function, code int32) *Error {
	e := &Error{Function: f.String(), Code: code}
	if f.ofCompiler() {
		e.Name = compilerErrors[code]
		return e
	}
	e.Name, e.Text = l.text(cuGetErrorName, code), l.text(cuGetErrorString, code)
	return e
}

// text asks the driver what it calls a code.
func (l *library) text(f function, code int32) string {
	var at unsafe.Pointer
	if dynlib.Call(l.address[f], uintptr(code), uintptr(unsafe.Pointer(&at))) != 0 {
		return ""
	}
	return dynlib.Text(at)
}

// is reports whether err is a call of the driver that failed with one of these codes.
func is(err error, codes ...int32) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Function[:2] == "cu" && slices.Contains(codes, e.Code)
}
