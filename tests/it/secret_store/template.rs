//! Templates: each shape on documents as people have them, and what must hold for any document.
