import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';

/** Does some work on a file; what it throws names the file. */
export async function inFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    const { code, message, hint, details, cause } = error;
    throw new HeadwaterError(code, {
      message: `${path}: ${message}`,
      ...(hint === undefined ? {} : { hint }),
      details: { ...details, file: path },
      cause,
    });
  }
}
