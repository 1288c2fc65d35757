/* From the program's own ELF file: dladdr knows no static functions. */
#include "tests/ptx/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char __ehdr_start; /* the linker's: where the file was loaded */

static const unsigned char *map_program(void)
{
    static const unsigned char *file;
    struct stat info;
    int fd;

    if (file) return file;
    fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    if (fstat(fd, &info) == 0) {
        void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

        if (map != MAP_FAILED) file = map;
    }
    close(fd);
    return file;
}

const char *ptx_symbol_of(const void *function)
{
    const unsigned char *file = map_program();
    const Elf64_Ehdr *header = (const void *)file;
    const Elf64_Shdr *sections;
    uint64_t value = (uint64_t)(uintptr_t)function;

    if (!file || memcmp(file, ELFMAG, SELFMAG) != 0) return NULL;
    if (header->e_type == ET_DYN) value -= (uint64_t)(uintptr_t)&__ehdr_start;
    sections = (const void *)(file + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++) {
        const Elf64_Sym *symbols = (const void *)(file + sections[i].sh_offset);
        size_t count = sections[i].sh_size / sizeof *symbols;

        if (sections[i].sh_type != SHT_SYMTAB) continue;
        for (size_t k = 0; k < count; k++)
            if (symbols[k].st_value == value && ELF64_ST_TYPE(symbols[k].st_info) == STT_FUNC)
                return (const char *)file + sections[sections[i].sh_link].sh_offset +
                       symbols[k].st_name;
    }
    return NULL;
}
