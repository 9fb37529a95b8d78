-- CRC-32C of what stands before the fragments of a file (`ftyp` and `moov`): files of one camera in
-- which it is the same are played on without a break. NULL: not known.
ALTER TABLE segment ADD COLUMN head INTEGER;
