package cpu

import (
	"syscall"
	"unsafe"
)

// memoryStatus is MEMORYSTATUSEX of the Windows API.
type memoryStatus struct {
	length, load                         uint32
	totalPhys, availPhys                 uint64
	totalPage, availPage                 uint64
	totalVirtual, availVirtual, availExt uint64
}

// machineMemory returns the machine's memory in bytes.
func machineMemory() int64 {
	var status memoryStatus
	status.length = uint32(unsafe.Sizeof(status))
	call := syscall.NewLazyDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if call.Find() != nil {
		return 0
	}
	if ok, _, _ := call.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return 0
	}
	return int64(status.totalPhys)
}
