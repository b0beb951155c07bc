//! Lists and maps in brackets on one line.

use super::{Name, Reader};
use crate::node::{Node, Value};

impl Reader<'_> {
    /// A value inside brackets, or the brackets themselves.
    pub(super) fn read_flow(&mut self) -> Option<Node> {
        let start = self.at;
        match self.byte(start)? {
            b'[' => {
                self.open()?;
                let first = self.items.len();
                self.read_members(b']', |reader| {
                    let item = reader.read_flow()?;
                    reader.items.push(item);
                    Some(())
                })?;
                let items = self.items.split_off(first);
                Some(self.close(start, Value::Sequence(items)))
            }
            b'{' => {
                self.open()?;
                let first = self.entries.len();
                self.read_members(b'}', |reader| {
                    let key = reader.read_flow_key()?;
                    let value = reader.read_flow()?;
                    reader.entries.push((key, value));
                    Some(())
                })?;
                let map = self.take_map(first)?;
                Some(self.close(start, Value::Mapping(map)))
            }
            b'"' | b'\'' => self.read_quoted_node(),
            _ => {
                let end = self.find_flow_plain_end()?;
                // A space or a colon after it would belong to it, or make it a key.
                matches!(self.byte(end)?, b',' | b']' | b'}').then_some(())?;
                self.read_plain(end)
            }
        }
    }

    /// The members of brackets, from the opening to the closing one.
    fn read_members(&mut self, closing: u8, read: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.skip_spaces();
        if self.byte(self.at)? != closing {
            read(self)?;
            self.skip_spaces();
            while self.byte(self.at)? == b',' {
                self.at += 1;
                self.skip_spaces();
                read(self)?;
                self.skip_spaces();
            }
        }
        if self.byte(self.at)? != closing {
            return None;
        }
        self.at += 1;
        self.last_end = self.at;
        Some(())
    }

    /// A key inside brackets, with its colon and the spaces after it.
    fn read_flow_key(&mut self) -> Option<Name> {
        let key = self.read_name(Self::find_flow_plain_end)?;
        self.skip_spaces();
        Some(key)
    }

    /// The end of the plain scalar inside brackets that begins here, if all its characters are harmless there.
    fn find_flow_plain_end(&self) -> Option<usize> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_harmless =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
        let length = rest.iter().position(|byte| !is_harmless(byte))?;
        let is_dashed = rest.first() == Some(&b'-') && !rest.get(1)?.is_ascii_alphanumeric();
        (length > 0 && !is_dashed).then_some(self.at + length)
    }
}
