use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    build_info::write()
}
