/** Version of this library, told in receipts. A test holds it against package.json. */
export const clientVersion = '0.1.0';
