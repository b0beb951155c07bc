//! Programs: the check that one runs in an empty image, its machine, the crates linked into it.

use std::io::Read;

use elf::ElfBytes;
use elf::abi;
use elf::endian::AnyEndian;
use elf::file::Class;
use elf::segment::ProgramHeader;
use flate2::read::ZlibDecoder;
use serde::Deserialize;

/// A program that needs nothing but a Linux kernel.
#[derive(Debug, Clone)]
pub struct Binary {
    bytes: Vec<u8>,
    architecture: Architecture,
}

/// A machine, as OCI names it (Go's `GOARCH`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Architecture {
    /// The name in Go.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Architecture::Amd64 => "amd64",
            Architecture::Arm64 => "arm64",
        }
    }
}

/// The reason why a file can't be an image's program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// It is not an ELF file, but a script or a text.
    #[error("not a Linux program: expected an ELF file")]
    NotElf,
    /// It is an object file, a library or a core dump.
    #[error("this ELF file is not an executable program")]
    NotExecutable,
    /// It ends earlier than its header says.
    #[error("the file is cut short, or its ELF header is damaged")]
    Damaged,
    /// It needs a loader and libraries that the image does not have.
    #[error(
        "the program is linked dynamically (it asks for `{0}`), and the image holds no libraries"
    )]
    Dynamic(String),
    /// It is for neither amd64 nor arm64.
    #[error("the program is for another machine (ELF machine {0}); images are for amd64 and arm64")]
    Machine(u16),
}

/// A crate that is linked in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Binary {
    /// Checks a program's bytes.
    pub fn read(bytes: Vec<u8>) -> Result<Self, BinaryError> {
        if !bytes.starts_with(&abi::ELFMAGIC) {
            return Err(BinaryError::NotElf);
        }
        let file = parse_elf(&bytes).ok_or(BinaryError::Damaged)?;
        let header = file.ehdr;
        if ![abi::ET_EXEC, abi::ET_DYN].contains(&header.e_type) {
            return Err(BinaryError::NotExecutable);
        }
        let little = matches!(header.endianness, AnyEndian::Little);
        let architecture = match (header.class, little, header.e_machine) {
            (Class::ELF64, true, abi::EM_X86_64) => Architecture::Amd64,
            (Class::ELF64, true, abi::EM_AARCH64) => Architecture::Arm64,
            (_, _, other) => return Err(BinaryError::Machine(other)),
        };
        let segments: Vec<ProgramHeader> = file.segments().into_iter().flatten().collect();
        let Some(data) =
            segments.iter().map(|s| file.segment_data(s).ok()).collect::<Option<Vec<_>>>()
        else {
            return Err(BinaryError::Damaged);
        };
        if let Some(at) = segments.iter().position(|s| s.p_type == abi::PT_INTERP) {
            let loader = data.get(at).copied().unwrap_or_default();
            let loader = String::from_utf8_lossy(loader).trim_end_matches('\0').to_owned();
            return Err(BinaryError::Dynamic(loader));
        }
        // A library has no loader and an entry point of 0; it also asks for other libraries.
        if let Some(needed) = needed_library(&file) {
            return Err(BinaryError::Dynamic(needed));
        }
        if header.e_entry == 0 || !segments.iter().any(|s| s.p_type == abi::PT_LOAD) {
            return Err(BinaryError::NotExecutable);
        }
        Ok(Binary { bytes, architecture })
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The machine it runs on.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }
}

fn parse_elf(bytes: &[u8]) -> Option<ElfBytes<'_, AnyEndian>> {
    ElfBytes::<AnyEndian>::minimal_parse(bytes).ok()
}

/// The first library that the dynamic section asks for.
fn needed_library(file: &ElfBytes<'_, AnyEndian>) -> Option<String> {
    let wanted = file.dynamic().ok()??.into_iter().find(|entry| entry.d_tag == abi::DT_NEEDED)?;
    let common = file.find_common_data().ok();
    let name = common.and_then(|c| c.dynsyms_strs?.get(wanted.d_val() as usize).ok());
    Some(name.unwrap_or("a library").to_owned())
}

/// The limit on an unpacked section; real lists are far smaller.
const MAX_LIST_BYTES: u64 = 8 << 20;

/// Reads section `.dep-v0`: zlib over JSON, see cargo-auditable's PARSING.md. Crates that only ran
/// while compiling are excluded.
pub(super) fn audited_packages(bytes: &[u8]) -> Option<Vec<Package>> {
    #[derive(Deserialize)]
    struct List {
        packages: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        version: String,
        #[serde(default)]
        kind: Option<String>,
    }
    let file = parse_elf(bytes)?;
    let section = file.section_header_by_name(".dep-v0").ok()??;
    let (packed, None) = file.section_data(&section).ok()? else { return None };
    let mut json = Vec::new();
    ZlibDecoder::new(packed).take(MAX_LIST_BYTES).read_to_end(&mut json).ok()?;
    let list: List = serde_json::from_slice(&json).ok()?;
    let linked = list.packages.into_iter().filter(|p| p.kind.as_deref() != Some("build"));
    let mut packages: Vec<_> =
        linked.map(|p| Package { name: p.name, version: p.version }).collect();
    packages.sort();
    Some(packages)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// A program of one segment, and a section if `section` is given: enough of ELF to be read.
    pub fn tiny_program(
        machine: u16,
        kind: u16,
        segment: u32,
        section: Option<(&str, &[u8])>,
    ) -> Vec<u8> {
        let code = b"/lib64/ld-linux.so.2\0";
        let mut body = code.to_vec();
        let mut sections: Vec<(u32, u32, u64, u64)> = Vec::new();
        let mut section_table = 0u64;
        if let Some((name, data)) = section {
            let data_at = 64 + 56 + body.len() as u64;
            body.extend(data);
            let names = format!("\0{name}\0.shstrtab\0");
            let names_at = 64 + 56 + body.len() as u64;
            body.extend(names.as_bytes());
            sections = vec![
                (0, 0, 0, 0),
                (1, abi::SHT_PROGBITS, data_at, data.len() as u64),
                (2 + name.len() as u32, abi::SHT_STRTAB, names_at, names.len() as u64),
            ];
            section_table = 64 + 56 + body.len() as u64;
        }
        let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        out.extend(kind.to_le_bytes());
        out.extend(machine.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        for word in [0x40_0000u64, 64, section_table] {
            out.extend(word.to_le_bytes());
        }
        out.extend(0u32.to_le_bytes());
        let count = sections.len() as u16;
        for half in [64, 56, 1, 64, count, count.saturating_sub(1)] {
            out.extend(half.to_le_bytes());
        }
        out.extend(segment.to_le_bytes());
        out.extend(5u32.to_le_bytes());
        for word in [120u64, 0x40_0000, 0x40_0000, code.len() as u64, code.len() as u64, 1] {
            out.extend(word.to_le_bytes());
        }
        out.extend(body);
        for (name, kind, offset, size) in sections {
            out.extend(name.to_le_bytes());
            out.extend(kind.to_le_bytes());
            for word in [0, 0, offset, size] {
                out.extend(word.to_le_bytes());
            }
            out.extend([0; 8]);
            for word in [1u64, 0] {
                out.extend(word.to_le_bytes());
            }
        }
        out
    }

    pub fn static_program() -> Vec<u8> {
        tiny_program(abi::EM_X86_64, abi::ET_EXEC, abi::PT_LOAD, None)
    }

    fn read_error(bytes: Vec<u8>) -> BinaryError {
        Binary::read(bytes).unwrap_err()
    }

    #[test]
    fn a_static_program_is_accepted_with_its_machine() {
        let amd64 = Binary::read(static_program()).unwrap();
        assert_eq!(amd64.architecture(), Architecture::Amd64);
        let arm64 = tiny_program(abi::EM_AARCH64, abi::ET_DYN, abi::PT_LOAD, None);
        assert_eq!(Binary::read(arm64).unwrap().architecture(), Architecture::Arm64);
    }

    #[test]
    fn programs_that_would_not_run_in_an_empty_image_are_refused() {
        assert_eq!(read_error(b"#!/bin/sh\n".to_vec()), BinaryError::NotElf);
        assert_eq!(read_error(Vec::new()), BinaryError::NotElf);
        let object = tiny_program(abi::EM_X86_64, abi::ET_REL, abi::PT_LOAD, None);
        assert_eq!(read_error(object), BinaryError::NotExecutable);
        let dynamic = tiny_program(abi::EM_X86_64, abi::ET_DYN, abi::PT_INTERP, None);
        assert_eq!(read_error(dynamic), BinaryError::Dynamic("/lib64/ld-linux.so.2".to_owned()));
        let riscv = tiny_program(abi::EM_RISCV, abi::ET_EXEC, abi::PT_LOAD, None);
        assert_eq!(read_error(riscv), BinaryError::Machine(abi::EM_RISCV));
        let mut big_endian = static_program();
        big_endian[5] = 2;
        assert!(Binary::read(big_endian).is_err());
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = static_program();
        for end in 0..whole.len() {
            assert!(Binary::read(whole[..end].to_vec()).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn the_test_itself_is_a_dynamic_program() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        if cfg!(not(target_feature = "crt-static")) {
            assert!(
                matches!(read_error(own), BinaryError::Dynamic(loader) if loader.contains("ld"))
            );
        }
    }

    #[test]
    fn cargo_auditables_section_is_read() {
        let json = br#"{"packages":[{"name":"ring","version":"0.17.14","source":"crates.io"},
            {"name":"cc","version":"1.2.0","source":"crates.io","kind":"build"},
            {"name":"app","version":"1.0.0","source":"local","root":true}]}"#;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(json).unwrap();
        let packed = packed.finish().unwrap();
        let bytes =
            tiny_program(abi::EM_X86_64, abi::ET_EXEC, abi::PT_LOAD, Some((".dep-v0", &packed)));
        let packages = audited_packages(&bytes).unwrap();
        let names: Vec<_> = packages.iter().map(|p| (&*p.name, &*p.version)).collect();
        assert_eq!(names, [("app", "1.0.0"), ("ring", "0.17.14")]);
        assert_eq!(audited_packages(&static_program()), None);
    }
}
