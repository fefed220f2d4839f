// objc_msgSend and objc_msgSend_stret, as on x86-64 Macs: find the method of a message
// and go there, with every register that may hold an argument, and the stack, as they
// were.

#if !defined(__x86_64__)
#error "objc_msgSend is written for x86-64; another processor needs its own"
#endif

// SEND(name, self, op, structure): where a call has its receiver and selector.
// A structure's address comes before them.
__asm__(R"(
.macro SEND name, self, op, structure
    .text
    .globl \name
    .type \name, @function
\name:
    pushq %rbp
    movq %rsp, %rbp
    pushq %rax
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %r8
    pushq %r9
    subq $136, %rsp
    movups %xmm0, (%rsp)
    movups %xmm1, 16(%rsp)
    movups %xmm2, 32(%rsp)
    movups %xmm3, 48(%rsp)
    movups %xmm4, 64(%rsp)
    movups %xmm5, 80(%rsp)
    movups %xmm6, 96(%rsp)
    movups %xmm7, 112(%rsp)
    movq \self, %rax
    movq \op, %rsi
    movq %rax, %rdi
    movl $\structure, %edx
    call fake_lookup
    movq %rax, %r11
    movups (%rsp), %xmm0
    movups 16(%rsp), %xmm1
    movups 32(%rsp), %xmm2
    movups 48(%rsp), %xmm3
    movups 64(%rsp), %xmm4
    movups 80(%rsp), %xmm5
    movups 96(%rsp), %xmm6
    movups 112(%rsp), %xmm7
    addq $136, %rsp
    popq %r9
    popq %r8
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    popq %rax
    popq %rbp
    jmp *%r11
    .size \name, . - \name
.endm

SEND objc_msgSend, %rdi, %rsi, 0
SEND objc_msgSend_stret, %rsi, %rdx, 1
.purgem SEND

    .globl fake_nothing
    .hidden fake_nothing
    .type fake_nothing, @function
fake_nothing:
    xorl %eax, %eax
    xorl %edx, %edx
    xorps %xmm0, %xmm0
    xorps %xmm1, %xmm1
    ret
    .size fake_nothing, . - fake_nothing
)");
